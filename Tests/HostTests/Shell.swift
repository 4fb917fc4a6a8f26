import Foundation

/// A shell command run as a child process, killed and reaped with this object. (Foundation's `Process` learns of an exit
/// by a descriptor that other children inherit, so with tests running side by side it waits for all of them.)
final class Shell {
    let pid: pid_t
    private var isReaped = false

    init(_ command: String) throws {
        var pid = pid_t()
        let arguments: [UnsafeMutablePointer<CChar>?] = ["sh", "-c", command].map { (text: String) in strdup(text) }
        defer { for argument in arguments { free(argument) } }
        let code = posix_spawn(&pid, "/bin/sh", nil, nil, arguments + [nil], environ)
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO) }
        self.pid = pid
    }

    deinit { kill() }

    func wait() {
        if isReaped { return }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        isReaped = true
    }

    func kill() {
        if !isReaped { _ = Foundation.kill(pid, SIGKILL) }
        wait()
    }

    /// Polls `condition` for at most ten seconds; true once it held.
    static func until(_ condition: () throws -> Bool) rethrows -> Bool {
        for _ in 0..<500 {
            if try condition() { return true }
            usleep(20_000)
        }
        return false
    }
}
