/// Where a program wrote a line (OpenTelemetry's attribute `log.iostream`).
public enum LogStream: UInt8, Sendable {
    case unknown, stdout, stderr

    /// Nil for `unknown`.
    public var name: StaticString? {
        switch self {
        case .unknown: nil
        case .stdout: "stdout"
        case .stderr: "stderr"
        }
    }

    init?(_ text: Span<UInt8>) {
        if text.equals("stdout") {
            self = .stdout
        } else if text.equals("stderr") {
            self = .stderr
        } else {
            return nil
        }
    }
}
