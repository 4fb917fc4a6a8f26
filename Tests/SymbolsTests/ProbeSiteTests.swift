import Foundation
import Linux
import Testing

@testable import Symbols

/// Places of probes that cost less: on code that is written here, and on that of real libraries.
@Suite(.enabled(if: ELFFile.Machine.own == .amd64)) struct ProbeSiteTests {
    private static let base: UInt64 = 0x1000

    private static func code(_ bytes: [UInt8]) -> FunctionCode {
        var code = FunctionCode(machine: .amd64)
        let isDecoded = code.add(bytes, at: base)
        #expect(isDecoded)
        return code
    }

    private static func entry(_ bytes: [UInt8], arguments: Int = 4) -> (offset: UInt64, depth: Int) {
        let site = code(bytes).entrySite(at: base, arguments: arguments)
        return (site.address - base, site.depth)
    }

    @Test func beginnings() {
        // endbr64; push %rbp; ret
        #expect(Self.entry([0xF3, 0x0F, 0x1E, 0xFA, 0x55, 0xC3]) == (4, 0))
        // sub $0x18,%rsp; mov %fs:0x28,%rax; mov %rax,8(%rsp); xor %eax,%eax; test %edx,%edx; js; ret
        let protected: [UInt8] = [
            0x48, 0x83, 0xEC, 0x18, 0x64, 0x48, 0x8B, 0x04, 0x25, 0x28, 0, 0, 0, 0x48, 0x89, 0x44, 0x24, 8, 0x31, 0xC0,
            0x85, 0xD2, 0x78, 0, 0xC3,
        ]
        #expect(Self.entry(protected) == (22, 0x18))
        // mov %rdx,%rcx; push %rbp: only if there are no more than three arguments.
        #expect(Self.entry([0x48, 0x89, 0xD1, 0x55, 0xC3]) == (0, 0))
        #expect(Self.entry([0x48, 0x89, 0xD1, 0x55, 0xC3], arguments: 3) == (3, 0))
        // A call, a jump, an indirect call, a multiplication, a return.
        #expect(Self.entry([0x48, 0x83, 0xEC, 8, 0xE8, 0, 0, 0, 0, 0xC3]) == (4, 8))
        #expect(Self.entry([0x31, 0xC0, 0xE9, 0, 0, 0, 0]) == (2, 0))
        #expect(Self.entry([0xFF, 0xD0, 0x55, 0xC3]) == (0, 0))
        #expect(Self.entry([0x0F, 0xAF, 0xC7, 0x55, 0xC3]) == (0, 0))
        #expect(Self.entry([0x31, 0xC0, 0xC3]) == (0, 0))
        // xor %eax,%eax; push %rbp; jmp to the push: it is executed more than once.
        #expect(Self.entry([0x31, 0xC0, 0x55, 0xEB, 0xFD]) == (0, 0))
    }

    private static func returns(_ bytes: [UInt8], isWide: Bool = false) -> [ProbeSite] {
        code(bytes).returnSites(isWide: isWide)
    }

    private static func site(
        _ offset: UInt64, depth: Int = 0, condition: UInt8? = nil, result: ProbeSite.Result = .register(0)
    ) -> ProbeSite {
        ProbeSite(base + offset, depth: depth, condition: condition, result: result)
    }

    @Test func returns() {
        // jne +9; add $0x18,%rsp; xor %edx,%edx; pop %rbx; ret: behind the jump, if that is not taken.
        let checked: [UInt8] = [0x75, 8, 0x48, 0x83, 0xC4, 0x18, 0x31, 0xD2, 0x5B, 0xC3]
        #expect(Self.returns(checked) == [Self.site(0, depth: 0x20, condition: 4)])
        // je to the ret; mov %ebx,%eax; pop %rbx; ret: one instruction for two ways with two results.
        #expect(Self.returns([0x74, 3, 0x89, 0xD8, 0x5B, 0xC3]) == [Self.site(5)])
        // nop; mov %ebx,%eax; ret: half of the result is enough, or not.
        #expect(Self.returns([0x90, 0x89, 0xD8, 0xC3]) == [Self.site(0, result: .register(3))])
        #expect(Self.returns([0x90, 0x89, 0xD8, 0xC3], isWide: true) == [Self.site(3)])
        // nop; mov %rbx,%rax; pop %rbx; ret.
        #expect(
            Self.returns([0x90, 0x48, 0x89, 0xD8, 0x5B, 0xC3], isWide: true)
                == [Self.site(0, depth: 8, result: .register(3))])
        // The result is loaded, or added to; there is a call; it is where the function begins.
        #expect(Self.returns([0x90, 0x8B, 0x04, 0x24, 0xC3]) == [Self.site(4)])
        #expect(Self.returns([0x90, 0x01, 0xD8, 0xC3]) == [Self.site(3)])
        #expect(Self.returns([0x90, 0xE8, 0, 0, 0, 0, 0xC3]) == [Self.site(6)])
        #expect(Self.returns([0x5B, 0xC3]) == [Self.site(1)])
        // Something is stored, which may be the result's length.
        #expect(Self.returns([0x90, 0x48, 0x89, 0x11, 0xC3]) == [Self.site(4)])
        // nop; mov $-1,%eax; ret: nothing comes of it.
        #expect(
            Self.returns([0x90, 0xB8, 0xFF, 0xFF, 0xFF, 0xFF, 0xC3]) == [Self.site(0, result: .nothing)])
        #expect(Self.returns([0x90, 0xB8, 1, 0, 0, 0, 0xC3]) == [Self.site(6)])
        // Two ways to one return: a jump from behind it, and the way past a jump to elsewhere.
        let joined: [UInt8] = [0x75, 3, 0x5B, 0xC3, 0x90, 0x31, 0xC0, 0xEB, 0xF9]
        #expect(Self.returns(joined) == [Self.site(0, depth: 8, condition: 4), Self.site(7, depth: 8)])
        // A table of jumps somewhere: it may lead anywhere.
        #expect(Self.returns(checked + [0xFF, 0xE0]) == [Self.site(9)])
    }

    private static let library = "/usr/lib/x86_64-linux-gnu/libssl.so.3"

    /// Of every function that a real library exports: each place is the beginning of an instruction that objdump knows, in its
    /// words one that is emulated, or the one that was given; and none of a return's places lies outside of the function's code.
    @Test(
        .enabled(
            if: Objdump.isInstalled && FileManager.default.fileExists(atPath: library), "no libssl.so.3"))
    func everyFunctionOfOpenSSL() throws {
        guard let file = ELFFile(try FileDescriptor.open(Self.library)) else { return }
        var texts: [UInt64: String] = [:]
        for line in try Objdump.lines(of: Self.library, limit: .max) { texts[line.address] = line.text }
        let functions = file.functions(containing: "SSL_", isWanted: { _ in true }, limit: 10_000)
        var (cheapEntries, cheapReturns) = (0, 0)
        let emulated = ["push", "nop", "j", "call"]
        func isCheap(_ text: String) -> Bool {
            emulated.contains { text.hasPrefix($0) } && !text.contains("*") || text.hasPrefix("xchg   %ax,%ax")
                || text.hasPrefix("data16 ") || text.hasPrefix("cs nop")
        }
        for function in functions {
            let entry = file.entrySite(of: function, arguments: 4)
            if entry.address != function.address {
                #expect(isCheap(texts[entry.address] ?? ""), "\(function) \(entry)")
                cheapEntries += 1
            } else if isCheap(texts[entry.address] ?? "") {
                cheapEntries += 1
            }
            for site in file.returnSites(of: function, isWide: false) ?? [] {
                let text = texts[site.address] ?? ""
                let isReturn = text.hasPrefix("ret") || text.hasPrefix("repz ret")
                #expect(isReturn || isCheap(text), "\(function) \(site) \(text)")
                if isReturn {
                    #expect(site == ProbeSite(site.address))
                } else {
                    cheapReturns += 1
                }
            }
        }
        #expect(functions.count > 300 && cheapEntries > 100 && cheapReturns > 50)
        print("\(functions.count) functions: \(cheapEntries) entries and \(cheapReturns) returns without a single step")
    }
}
