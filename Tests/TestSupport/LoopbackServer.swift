import Glibc
import Linux

/// A TCP port of 127.0.0.1 that treats every client the same way.
public final class LoopbackServer: Sendable {
    public let port: UInt16
    private let server: UnixServer

    /// Runs `serve` with each connection's descriptor on one thread, and closes it afterwards.
    public init(_ serve: @escaping @Sendable (Int32) -> Void) throws {
        let listener = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(listener, $0, size) == 0 && Glibc.listen(listener, 64) == 0
                    && getsockname(listener, $0, &size) == 0
            }
        }
        guard bound else { throw Errno.last }
        port = UInt16(bigEndian: address.sin_port)
        server = UnixServer(listener: listener, serve)
    }

    public func stop() { server.stop() }
}
