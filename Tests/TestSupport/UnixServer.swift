import Glibc
import Linux
public import Synchronization

/// A Unix socket that treats every client the same way, for tests of clients.
public final class UnixServer: Sendable {
    private let listener: Int32
    private let isStopped = Atomic(false)
    public let connections = Atomic(0)

    /// Runs `serve` with each connection's descriptor on one thread, and closes it afterwards.
    public convenience init(_ path: String, backlog: Int32 = 64, _ serve: @escaping @Sendable (Int32) -> Void) throws {
        let listener = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, Glibc.listen(listener, backlog) == 0 else { throw Errno.last }
        self.init(listener: listener, serve)
    }

    /// The same with a socket of any family that listens already.
    init(listener: Int32, _ serve: @escaping @Sendable (Int32) -> Void) {
        self.listener = listener
        PosixThread.start(name: "test-server") { [self] in
            while true {
                let client = Glibc.accept(listener, nil, nil)
                if client < 0 || isStopped.load(ordering: .relaxed) {
                    if client >= 0 { Glibc.close(client) }
                    break
                }
                connections.add(1, ordering: .relaxed)
                serve(client)
                Glibc.close(client)
            }
            Glibc.close(listener)
        }
    }

    /// Ends the thread at its next accept.
    public func stop() {
        isStopped.store(true, ordering: .relaxed)
        Glibc.shutdown(listener, Int32(SHUT_RDWR))
    }

    /// Sends all of `bytes`; false when the client has gone.
    @discardableResult
    public static func send(_ client: Int32, _ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    public static func send(_ client: Int32, _ text: String) { send(client, Array(text.utf8)) }

    /// What the client sent first.
    @discardableResult
    public static func request(_ client: Int32) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = buffer.withUnsafeMutableBytes { Glibc.recv(client, $0.baseAddress, $0.count, 0) }
        return Array(buffer[..<max(count, 0)])
    }

    /// Waits until the client goes.
    public static func waitForEnd(_ client: Int32) {
        var byte: UInt8 = 0
        while Glibc.recv(client, &byte, 1, 0) > 0 {}
    }
}
