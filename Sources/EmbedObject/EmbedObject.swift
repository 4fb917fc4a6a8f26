// Build tool: compiles one BPF C file and writes a Swift file that carries the object.
//
// usage: EmbedObject CLANG SOURCE INCLUDE-DIRECTORY OUTPUT.swift
//
// SwiftPM's plugins cannot add C sources, and a Swift array literal of this size compiles slowly. A static string costs
// nothing to compile, but must be UTF-8: each byte is therefore written as the character of that number (Latin-1), which
// the agent turns back into bytes at start.
internal import Glibc

@main
struct EmbedObject {
    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count == 5 else { fail("usage: EmbedObject CLANG SOURCE INCLUDE-DIRECTORY OUTPUT.swift") }
        let (clang, source, include, output) = (arguments[1], arguments[2], arguments[3], arguments[4])
        let object = output + ".o"
        #if arch(arm64)
            let architecture = "-D__TARGET_ARCH_arm64"
        #else
            let architecture = "-D__TARGET_ARCH_x86"
        #endif
        run([
            clang, "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-std=gnu11", "-Wall", "-Wextra", "-Werror",
            "-Wno-unused-parameter", "-Wno-missing-declarations", "-fno-stack-protector", architecture, "-I", include,
            "-c", source, "-o", object,
        ])
        // The kernel reads BTF, nobody reads DWARF: a third of the object.
        let strip = (clang.lastIndex(of: "/").map { clang[...$0] } ?? "") + "llvm-objcopy"
        if access(String(strip), X_OK) == 0 { run([String(strip), "--strip-debug", object]) }
        let bytes = read(object)
        unlink(object)
        var text = "// Generated from \(source.split(separator: "/").last ?? ""): do not edit.\n"
        text += "/// The BPF object, one character (U+0000 to U+00FF) a byte.\nlet embeddedObject: StaticString = \""
        text.reserveCapacity(bytes.count * 5)
        for byte in bytes {
            switch byte {
            case 0x22: text += "\\\""
            case 0x5C: text += "\\\\"
            case 0x20..<0x7F: text.unicodeScalars.append(Unicode.Scalar(byte))
            case 0: text += "\\0"
            default: text += "\\u{" + String(byte, radix: 16) + "}"
            }
        }
        text += "\"\nlet embeddedObjectSize = \(bytes.count)\n"
        store(Array(text.utf8), output)
    }

    private static func fail(_ message: String) -> Never {
        let line = Array("EmbedObject: \(message)\n".utf8)
        _ = Glibc.write(2, line, line.count)
        exit(1)
    }

    private static func run(_ command: [String]) {
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        arguments.append(nil)
        var pid = pid_t()
        let failure = posix_spawn(&pid, command[0], nil, nil, arguments, environ)
        if failure != 0 { fail("cannot start \(command[0]): \(String(cString: strerror(failure)))") }
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        if status != 0 { fail("\(command[0]) failed on \(command.last ?? "")") }
    }

    private static func read(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "rb") else { fail("cannot read \(path)") }
        defer { fclose(file) }
        var bytes = [UInt8]()
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    private static func store(_ bytes: [UInt8], _ path: String) {
        guard let file = fopen(path, "wb") else { fail("cannot write \(path)") }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count, fclose(file) == 0 else {
            fail("cannot write \(path)")
        }
    }
}
