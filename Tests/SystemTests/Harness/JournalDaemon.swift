import Foundation

/// A real journald in a mount namespace whose /run is a folder of the scratch. What runs in that namespace finds it at the usual
/// place; its files and processes are seen from outside.
final class JournalDaemon {
    /// Where its journal is, as the machine sees it.
    let directory: String
    private let process: ChildProcess

    init(in scratch: Scratch) throws {
        let run = try scratch.folder("run")
        directory = run + "/log/journal"
        // The kernel's own messages and audit records are the machine's.
        let settings = try scratch.write(
            "[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitBurst=0\n", to: "journald.conf")
        let script = """
            mount --make-rprivate / && mount --bind \(settings) /etc/systemd/journald.conf && mount --bind \(run) /run \
            && mkdir -p /run/systemd/journal /run/log/journal && exec /lib/systemd/systemd-journald
            """
        process = try ChildProcess(["unshare", "--mount", "bash", "-c", script], in: scratch)
        let socket = run + "/systemd/journal/socket"
        guard soon(within: 10, { FileManager.default.fileExists(atPath: socket) || process.poll() != nil }),
            process.poll() == nil
        else { throw Failure("journald does not run: \(process.errors.suffix(1000))") }
    }

    /// Makes a command run beside it.
    var launcher: [String] { ["nsenter", "--mount", "--target", "\(process.pid)", "--"] }
}
