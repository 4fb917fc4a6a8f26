/// How a source wraps the lines that a program wrote.
public enum LogFormat: String, Sendable, CaseIterable {
    /// Docker's json-file: one object a line.
    case docker
    /// Docker's local driver: one protobuf message, of which a file holds one after the other (`LogFraming`).
    case dockerLocal = "docker-local"
    /// Kubernetes' runtimes: `time stream tag text`.
    case cri
    /// `journalctl --output=json`: one object a line.
    case journald
    /// The line itself.
    case plain
}
