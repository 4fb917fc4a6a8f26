import Linux

/// Why there is no page.
enum PageClientError: Error, CustomStringConvertible {
    case unknownHost(String, reason: String)
    /// Nothing listens there, or it cannot be reached.
    case refused(String, Errno)
    case broken(String, Errno)
    case timedOut(String)
    case tooLarge(String)
    case notHTTP(String)
    case status(String, Int)

    var description: String {
        switch self {
        case .unknownHost(let url, let reason): "cannot find the host of \(url): \(reason)"
        case .refused(let url, let error): "no agent answers at \(url): \(error)"
        case .broken(let url, let error): "the connection to \(url) broke: \(error)"
        case .timedOut(let url): "\(url) did not answer in time"
        case .tooLarge(let url): "the answer of \(url) is too large"
        case .notHTTP(let url): "the answer of \(url) is not HTTP"
        case .status(let url, let status): "\(url) answered with status \(status)"
        }
    }
}
