/// How a source wraps the lines that a program wrote.
public enum LogFormat: String, Sendable, CaseIterable {
    /// Docker's json-file: one object a line.
    case docker
    /// Kubernetes' runtimes: `time stream tag text`.
    case cri
    /// `journalctl --output=json`: one object a line.
    case journald
    /// The line itself.
    case plain
}
