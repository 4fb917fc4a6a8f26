import Foundation
import Linux
import Testing

@testable import Symbols

@Suite struct DecoderTests {
    /// Every instruction of real libraries is as long as objdump says, and is a return where objdump says so.
    @Test(
        .enabled(if: Objdump.isInstalled && ELFFile.Machine.own == .amd64),
        arguments: ["libssl.so.3", "libgnutls.so.30", "libc.so.6", "libz.so.1", "libm.so.6"])
    func agreesWithObjdump(_ library: String) throws {
        let path = "/usr/lib/x86_64-linux-gnu/\(library)"
        if !FileManager.default.fileExists(atPath: path) { return }
        guard let file = ELFFile(try FileDescriptor.open(path)) else {
            Issue.record("no ELF file")
            return
        }
        let section = file.section(".text")
        let text = try #require(section)
        let code = file.reader.bytes(at: text.offset, count: Int(text.size))
        var different = [String]()
        var (count, returns) = (0, 0)
        for line in try Objdump.lines(of: path, limit: 40_000) where !line.text.contains("(bad)") {
            let instruction = X86Decoder.decode(code, at: Int(line.address - text.address))
            count += 1
            // objdump takes a wait and what follows for one, and shows these prefixes as instructions of their own.
            if code[Int(line.address - text.address)] == 0x9B { continue }
            if line.length == 1, line.text.hasPrefix("rex") || line.text == "lock" || line.text.hasPrefix("data16") {
                continue
            }
            let word = line.text.split(separator: " ").first { !["repz", "bnd", "notrack"].contains($0) } ?? ""
            let isReturn = word == "ret"
            returns += isReturn ? 1 : 0
            if instruction?.length != line.length || (instruction?.kind == .return) != isReturn {
                let address = String(line.address, radix: 16)
                different.append("\(address): \(line.text): \(line.length), \(instruction as Any)")
            }
        }
        #expect(different.prefix(10) == [], "\(different.count) of \(count)")
        #expect(count > 10_000 && returns > 100)
    }

    @Test func knowsReturnsAndJumps() {
        #expect(X86Decoder.decode([0xC3], at: 0) == Instruction(length: 1, kind: .return))
        #expect(X86Decoder.decode([0xF3, 0xC3], at: 0) == Instruction(length: 2, kind: .return))
        #expect(X86Decoder.decode([0xC2, 8, 0], at: 0) == Instruction(length: 3, kind: .return))
        #expect(X86Decoder.decode([0xEB, 0xFE], at: 0) == Instruction(length: 2, kind: .jump(-2)))
        #expect(X86Decoder.decode([0xE9, 0, 1, 0, 0], at: 0) == Instruction(length: 5, kind: .jump(256)))
        #expect(
            X86Decoder.decode([0x0F, 0x84, 0, 1, 0, 0], at: 0) == Instruction(length: 6, kind: .conditionalJump(256)))
        #expect(X86Decoder.decode([0xFF, 0xE0], at: 0) == Instruction(length: 2, kind: .indirectJump))
        #expect(X86Decoder.decode([0x48, 0xB8, 1, 2, 3, 4, 5, 6, 7, 8], at: 0)?.length == 10)
    }

    /// RET, RETAA, B back, B.EQ on, BR, ADD: as GNU as assembles them.
    @Test func knowsARM64() {
        func decode(_ word: UInt32) -> Instruction.Kind? {
            ARM64Decoder.decode(withUnsafeBytes(of: word.littleEndian) { Array($0) }, at: 0)?.kind
        }
        #expect(decode(0xD65F_03C0) == .return)
        #expect(decode(0xD65F_0BFF) == .return)
        #expect(decode(0x17FF_FFFF) == .jump(-8))
        #expect(decode(0x5400_0040) == .conditionalJump(4))
        #expect(decode(0x9400_0002) == .call(4))
        #expect(decode(0xD61F_0200) == .indirectJump)
        #expect(decode(0x9100_0000) == .other)
    }

    /// Bytes without meaning: nothing traps, and nothing is longer than there are bytes.
    @Test func takesAnything() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...20)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            if let instruction = X86Decoder.decode(bytes, at: 0) {
                #expect(instruction.length > 0 && instruction.length <= bytes.count)
            }
            if let instruction = ARM64Decoder.decode(bytes, at: 0) { #expect(instruction.length <= bytes.count) }
        }
    }
}
