public import Linux

/// Why an exchange brought no answer.
public enum ExchangeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// No socket, or nobody listens.
    case unavailable(Errno)
    /// The peer answered that it has no such thing.
    case notFound
    case timedOut
    case failed(Errno)
    /// The answer was not what the protocol allows.
    case malformed(String)
    case tooLarge(limit: Int)
    /// An HTTP or gRPC status other than success.
    case refused(status: Int)

    public var description: String {
        switch self {
        case .unavailable(let error): "nobody listens (\(error))"
        case .notFound: "not known there"
        case .timedOut: "no answer in time"
        case .failed(let error): "\(error)"
        case .malformed(let what): "malformed answer: \(what)"
        case .tooLarge(let limit): "answer larger than \(limit) bytes"
        case .refused(let status): "refused with status \(status)"
        }
    }
}
