import Foundation
import Linux
import Testing

@testable import Symbols

/// Functions of real libraries and programs, and where they return.
@Suite struct FunctionTests {
    private static let libraries = "/usr/lib/x86_64-linux-gnu/"
    private static func isThere(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: libraries + name) && ELFFile.Machine.own == .amd64
    }

    @Test(.enabled(if: Objdump.isInstalled && isThere("libssl.so.3"), "no libssl.so.3"))
    func returnsOfOpenSSL() throws {
        guard let file = ELFFile(try FileDescriptor.open(Self.libraries + "libssl.so.3")) else { return }
        let names: Set = ["SSL_read", "SSL_write", "SSL_read_ex", "SSL_write_ex", "SSL_do_handshake", "SSL_nothing"]
        let found = file.functions(named: names)
        #expect(found.count == 5)
        for function in found.values {
            let text = try Objdump.run([
                "/usr/bin/objdump", "-d", "-w", "--disassemble=\(function.name)", Self.libraries + "libssl.so.3",
            ])
            let expected = text.split(separator: "\n").filter { $0.contains("\tret") }.compactMap {
                UInt64($0.prefix { $0 != ":" }.drop { $0 == " " }, radix: 16)
            }
            let returns = file.returns(of: function)
            #expect(Set(returns ?? []).isSuperset(of: expected) && !expected.isEmpty, "\(function)")
        }
    }

    /// gnutls_record_recv ends by jumping into a function that has no symbol; a session's transport is in no public layout.
    @Test(.enabled(if: isThere("libgnutls.so.30"), "no libgnutls.so.30"))
    func returnsOfGnuTLS() throws {
        guard let file = ELFFile(try FileDescriptor.open(Self.libraries + "libgnutls.so.30")) else { return }
        let found = file.functions(named: ["gnutls_record_recv", "gnutls_record_send2", "gnutls_transport_get_int"])
        let receive = try #require(found["gnutls_record_recv"])
        let returnsFound = file.returns(of: receive)
        let returns = try #require(returnsFound)
        #expect(returns.contains { $0 >= receive.address && $0 < receive.address + receive.size })
        #expect(returns.contains { $0 < receive.address || $0 >= receive.address + receive.size })
        let getter = try #require(found["gnutls_transport_get_int"])
        let memberFound = file.memberRead(by: getter)
        let member = try #require(memberFound)
        #expect(member > 0 && member < 65_536)
    }

    /// What go(1) itself says of the same program is found without its symbols, in each way of building.
    @Test(
        .enabled(if: GoProgram.isPossible, "no Go"),
        arguments: [[], ["-ldflags", "-s -w"], ["-buildmode=pie"], ["-buildmode=pie", "-ldflags", "-s -w"]])
    func functionsOfGo(_ options: [String]) throws {
        let program = try GoProgram(options)
        let reference = try GoProgram(options.filter { $0 == "-buildmode=pie" })
        guard let file = ELFFile(try FileDescriptor.open(program.path)) else {
            Issue.record("no ELF file")
            return
        }
        let names: Set = ["crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write", "crypto/tls.(*Conn).Nothing"]
        let found = try GoFunctions.find(names, in: file)
        #expect(found.count == 2)
        for function in found.values {
            #expect(try reference.address(of: function.name) == function.address, "\(function)")
            #expect(function.size > 100 && function.size < 10_000)
            let returns = file.returns(of: function)?.count ?? 0
            #expect(returns > 2)
            let bodyFound = GoFunctions.bodySite(of: function, in: file)
            let body = try #require(bodyFound)
            #expect(body.address > function.address && body.address < function.address + 32)
        }
        let version = GoVersion.read(from: file)
        #expect(try #require(version) > GoVersion(major: 1, minor: 17))
    }

    /// A file that is cut anywhere, or has wrong bytes anywhere: nothing traps, nothing takes long.
    @Test func takesAnything() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "martlet-elf-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "/usr/bin/env")))
        var generator = SystemRandomNumberGenerator()
        for round in 0..<200 {
            var bytes = whole
            if round % 2 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
            for _ in 0..<20 where !bytes.isEmpty {
                // Mostly in the headers.
                let limit = round % 3 == 0 ? bytes.count : min(bytes.count, 1024)
                bytes[Int.random(in: 0..<limit, using: &generator)] = [0, 1, 0x7F, 0x80, 0xFF].randomElement() ?? 0
            }
            let path = folder.appending(path: "file").path
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            guard let file = ELFFile(try FileDescriptor.open(path)) else { continue }
            _ = file.functions(named: ["main", "SSL_read"])
            _ = file.functions(containing: "a", isWanted: { _ in true }, limit: 10)
            _ = try? GoFunctions.find(["main.main"], in: file)
            _ = GoVersion.read(from: file)
            for address in [0, 0x1000, 0x5000, UInt64.max] {
                _ = file.returns(of: Function(name: "", address: address, size: round % 5 == 0 ? 300 : 0))
            }
        }
    }
}
