import Foundation

/// A program that runs beside the test; its output goes to files.
final class ChildProcess {
    let pid: pid_t
    private let outputPath: String
    private let errorPath: String
    private var ended: Int32?

    /// Starts `arguments`, found on PATH. The process is ended with the scratch folder.
    init(
        _ arguments: [String], in scratch: Scratch, environment: [String: String] = [:], directory: String? = nil
    ) throws {
        let number = UInt32.random(in: .min ... .max)
        outputPath = scratch.file("output-\(number)")
        errorPath = scratch.file("errors-\(number)")
        // posix_spawn's own way to change the folder is not visible from Swift.
        let command = directory.map { ["env", "-C", $0] + arguments } ?? arguments
        pid = try Self.spawn(command, environment: environment, output: outputPath, errors: errorPath)
        scratch.atEnd { [self] in stop() }
    }

    /// What it wrote to standard output so far; invalid UTF-8 is replaced.
    var output: String { Self.text(outputPath) }
    /// What it wrote to standard error so far.
    var errors: String { Self.text(errorPath) }

    /// The exit code, 128 + signal if it was killed, nil while it runs.
    func poll() -> Int32? {
        if let ended { return ended }
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        ended = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
        return ended
    }

    /// Waits for the end; nil if it still runs after `seconds`.
    func wait(seconds: Double) -> Int32? {
        eventually(within: seconds, every: 0.005) { poll() }
    }

    func signal(_ number: Int32) {
        if poll() == nil { kill(pid, number) }
    }

    /// SIGTERM, then SIGKILL to whatever is left after ten seconds.
    func stop() {
        signal(SIGTERM)
        if wait(seconds: 10) == nil {
            signal(SIGKILL)
            _ = wait(seconds: 10)
        }
    }

    /// Waits for a line of standard output, such as "ready".
    func expect(_ line: String, within seconds: Double = 10) throws {
        let seen = soon(within: seconds, every: 0.005) {
            output.split(separator: "\n").contains { $0 == line } || poll() != nil
        }
        if !seen || !output.split(separator: "\n").contains(where: { $0 == line }) {
            throw Failure(
                "no line '\(line)' from process \(pid) (status \(String(describing: poll()))): \(errors.suffix(500))")
        }
    }

    private static func text(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    private static func spawn(
        _ arguments: [String], environment: [String: String], output: String, errors: String
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o644)
        posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o644)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = merged.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for pointer in argv { free(pointer) }
            for pointer in envp { free(pointer) }
        }
        var pid = pid_t()
        let failure = posix_spawnp(&pid, arguments[0], &actions, &attributes, &argv, &envp)
        guard failure == 0 else { throw Failure("cannot start \(arguments[0]): \(String(cString: strerror(failure)))") }
        return pid
    }
}
