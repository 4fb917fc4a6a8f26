/// An end of a connection: who opened it, or who took it.
public enum Side: UInt8, Sendable {
    case client
    case server

    public var other: Side { self == .client ? .server : .client }
}
