import Foundation

/// A small Debian with systemd and D-Bus, made by debootstrap once and kept below `$XDG_CACHE_HOME` or /var/tmp: it takes
/// most of a minute and a network. Nobody writes to it afterwards.
enum DebianTree {
    static func path() throws -> String { try made.get() }

    private static let made: Result<String, any Error> = Result {
        let cache = ProcessInfo.processInfo.environment["XDG_CACHE_HOME"] ?? "/var/tmp"
        let path = cache + "/martlet-debian-12-systemd"
        let files = FileManager.default
        if files.fileExists(atPath: path) { return path }
        let temporary = path + "-\(getpid())"
        defer { _ = try? Command.run(["rm", "-rf", "--one-file-system", temporary]) }
        try files.createDirectory(atPath: cache, withIntermediateDirectories: true)
        try Command.check(
            ["debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus", "bookworm", temporary],
            seconds: 600)
        // Another run may have been faster.
        if rename(temporary, path) != 0, !files.fileExists(atPath: path) { throw Failure("cannot make \(path)") }
        return path
    }
}
