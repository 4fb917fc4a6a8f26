import Foundation

/// A Go program that uses crypto/tls, built for a test; removed with it.
final class GoProgram {
    static let isPossible = FileManager.default.isExecutableFile(atPath: "/usr/bin/go")

    let path: String
    private let folder: URL

    init(_ options: [String]) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "martlet-go-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        path = folder.appending(path: "web").path
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "KernelTests/Programs/web.go").path
        // The cache is outside of the home directory, which need not be there.
        _ = try Objdump.run(
            [
                "/usr/bin/env", "GO111MODULE=off", "GOFLAGS=", "GOCACHE=/tmp/martlet-go-cache", "/usr/bin/go", "build",
            ] + options + ["-o", path, source], at: folder.path)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// As go(1) says.
    func address(of function: String) throws -> UInt64? {
        let text = try Objdump.run(["/usr/bin/env", "GOCACHE=/tmp/martlet-go-cache", "/usr/bin/go", "tool", "nm", path])
        for line in text.split(separator: "\n") where line.hasSuffix(" T " + function) {
            return UInt64(line.split(separator: " ")[0], radix: 16)
        }
        return nil
    }
}
