/// Which way a message of a broker went, seen from the client.
public enum ExchangeMethod: UInt8, Sendable {
    /// A request with an answer.
    case request
    /// A message that the client gave.
    case produce
    /// A message that the client got.
    case consume
}
