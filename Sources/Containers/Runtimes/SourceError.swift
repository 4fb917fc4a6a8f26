import Linux

/// Why a runtime's socket gave no metadata.
enum SourceError: Error, Sendable, Hashable, CustomStringConvertible {
    /// No socket, or nobody listens.
    case unavailable(Errno)
    /// The runtime answered that it has no such container.
    case notFound
    case timedOut
    case failed(Errno)
    /// The answer was not what the protocol allows.
    case malformed(String)
    case tooLarge(limit: Int)
    /// An HTTP or gRPC status other than success.
    case refused(status: Int)

    var description: String {
        switch self {
        case .unavailable(let error): "nobody listens (\(error))"
        case .notFound: "no such container"
        case .timedOut: "no answer in time"
        case .failed(let error): "\(error)"
        case .malformed(let what): "malformed answer: \(what)"
        case .tooLarge(let limit): "answer larger than \(limit) bytes"
        case .refused(let status): "refused with status \(status)"
        }
    }
}
