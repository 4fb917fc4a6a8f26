/// `host:port` of a listening socket, such as `127.0.0.1:10300`, `[::1]:80` or `:80` (all addresses).
public struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// Why a text is no listen address.
    public struct Malformed: Error, CustomStringConvertible {
        public let text: String

        public var description: String { "\"\(text)\" is no listen address: write host:port, such as 127.0.0.1:10300" }
    }

    /// Name or numeric address without brackets; empty for all addresses.
    public let host: String
    /// 0 lets the kernel choose.
    public let port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    public init(_ text: String) throws(Malformed) {
        guard let parts = HostPort(text), let port = parts.port else { throw Malformed(text: text) }
        self.init(host: parts.host, port: port)
    }

    public var description: String { HostPort.text(host: host, port: port) }
}
