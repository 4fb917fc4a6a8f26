/// Why there is no answer to a request, beyond what the network and TLS report themselves.
enum HTTPClientError: Error, CustomStringConvertible {
    case timedOut(Duration)
    case connectionClosed
    case proxy(String)

    var description: String {
        switch self {
        case .timedOut(let limit): "no answer within \(limit)"
        case .connectionClosed: "the server closed the connection without an answer"
        case .proxy(let reason): reason
        }
    }
}
