import Foundation

/// Programs of a later Debian than the machine's, unpacked once below `$XDG_CACHE_HOME` or /var/tmp. Those written in Go run as
/// they are.
enum NewerDebian {
    /// Debian's next release: the first with a Prometheus that knows remote write 2.0.
    private static let suite = "forky"

    static let prometheus = Result { try path("prometheus", package: "prometheus") }
    static let victoriaMetrics = Result { try path("victoria-metrics", package: "victoria-metrics") }

    private static func path(_ program: String, package: String) throws -> String {
        let cache = (ProcessInfo.processInfo.environment["XDG_CACHE_HOME"] ?? "/var/tmp") + "/martlet-debian-\(suite)"
        let files = FileManager.default
        let path = "\(cache)/\(package)/usr/bin/\(program)"
        if files.isExecutableFile(atPath: path) { return path }
        let temporary = "\(cache)/\(package)-\(getpid())"
        defer { _ = try? Command.run(["rm", "-rf", temporary]) }
        try files.createDirectory(atPath: cache, withIntermediateDirectories: true)
        let library = Machine.helpers + "/../../../tools/lib/suite.sh"
        let script = "set -e; . \"$1\"; unpack \"$2/apt\" \(suite) \"$3\" \(package)"
        try Command.check(["bash", "-c", script, "bash", library, cache, temporary], seconds: 300)
        // Another run may have been faster.
        if rename(temporary, "\(cache)/\(package)") != 0, !files.isExecutableFile(atPath: path) {
            throw Failure("cannot make \(path)")
        }
        return path
    }
}
