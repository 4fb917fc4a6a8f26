import Foundation

/// binutils' disassembler, as the other opinion.
enum Objdump {
    struct Line {
        var address: UInt64
        var length: Int
        var text: String
    }

    static let isInstalled = FileManager.default.isExecutableFile(atPath: "/usr/bin/objdump")

    /// The first instructions of a file's `.text`, with what follows each one's bytes.
    static func lines(of path: String, limit: Int) throws -> [Line] {
        var lines = [Line]()
        let text = try run(["/usr/bin/objdump", "-d", "-w", "-j", ".text", path])
        for line in text.split(separator: "\n", maxSplits: limit).prefix(limit) {
            let fields = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count >= 2, let colon = fields[0].firstIndex(of: ":"),
                let address = UInt64(fields[0][..<colon].drop { $0 == " " }, radix: 16)
            else { continue }
            let bytes = fields[1].split(separator: " ").count
            lines.append(Line(address: address, length: bytes, text: fields.count > 2 ? String(fields[2]) : ""))
        }
        return lines
    }

    static func run(_ command: [String], at directory: String? = nil) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
