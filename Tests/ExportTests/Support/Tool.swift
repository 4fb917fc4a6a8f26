import Foundation
import Testing

/// A program that the tests run. Tests that need one say so with `.enabled(if: Tool.x.isInstalled, "…")`.
struct Tool {
    struct Output {
        let status: Int32
        let stdout: Data
        let stderr: String

        var text: String { String(decoding: stdout, as: UTF8.self) }
    }

    static let curl = Tool("curl")
    static let zstd = Tool("zstd")
    static let gzip = Tool("gzip")
    static let openssl = Tool("openssl")
    static let tinyproxy = Tool("tinyproxy")
    static let promtool = Tool("promtool")
    static let prometheus = Tool("prometheus")

    let path: String?

    init(_ name: String) {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":") + ["/usr/bin", "/bin"]
        path = folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    var isInstalled: Bool { path != nil }

    /// Runs the program to its end with `input` as standard input. The files in between keep large outputs from filling
    /// a pipe that nobody reads yet.
    func run(_ arguments: [String], input: Data = Data()) async throws -> Output {
        try await TemporaryFolder.with { folder in
            let files = ["in", "out", "err"].map { folder.url.appendingPathComponent($0) }
            for file in files { try input.write(to: file) }
            let process = try start(arguments)
            process.standardInput = try FileHandle(forReadingFrom: files[0])
            for file in files.dropFirst() { try Data().write(to: file) }
            process.standardOutput = try FileHandle(forWritingTo: files[1])
            process.standardError = try FileHandle(forWritingTo: files[2])
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                process.terminationHandler = { _ in done.resume() }
                do { try process.run() } catch {
                    process.terminationHandler = nil
                    done.resume(throwing: error)
                }
            }
            return Output(
                status: process.terminationStatus, stdout: try Data(contentsOf: files[1]),
                stderr: String(decoding: try Data(contentsOf: files[2]), as: UTF8.self))
        }
    }

    /// The process of `arguments`, not yet running.
    func start(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(path))
        process.arguments = arguments
        return process
    }
}
