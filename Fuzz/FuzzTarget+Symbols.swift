import Glibc
import Linux

@testable import Symbols

/// Executables: whoever runs a program decides what is in its file.
extension FuzzTarget {
    /// A file in memory that each input replaces.
    private static let file: CInt = {
        var name = Array("/dev/shm/fuzz-XXXXXX".utf8CString)
        let file = mkstemp(&name)
        precondition(file >= 0 && unlink(name) == 0)
        return file
    }()

    static func executable(_ bytes: [UInt8]) {
        guard ftruncate(file, 0) == 0, pwrite(file, bytes, bytes.count, 0) == bytes.count else { return }
        guard let elf = ELFFile(FileDescriptor(owning: dup(file))) else { return }
        let names: Set = ["SSL_read", "crypto/tls.(*Conn).Read", "main", "runtime.text"]
        var found = Array(elf.functions(named: names).values)
        found += elf.functions(containing: "read", isWanted: { $0.contains("rustls") }, limit: 8)
        _ = GoVersion.read(from: elf)
        if let functions = try? GoFunctions.find(names, in: elf) { found += functions.values }
        for function in found {
            let returns = elf.returns(of: function) ?? []
            precondition(returns.count <= 4096)
            _ = elf.memberRead(by: function)
            _ = elf.returnSites(of: function, isWide: bytes.count % 2 == 0)
            _ = elf.entrySite(of: function, arguments: 3)
            _ = GoFunctions.bodySite(of: function, in: elf)
            _ = elf.fileOffset(of: function.address)
        }
    }

    static func instructions(_ bytes: [UInt8]) {
        for start in bytes.indices {
            for instruction in [X86Decoder.decode(bytes, at: start), ARM64Decoder.decode(bytes, at: start)] {
                guard let instruction else { continue }
                precondition(instruction.length > 0 && start + instruction.length <= bytes.count)
                precondition(instruction.length <= X86Decoder.maximumLength)
            }
        }
    }
}
