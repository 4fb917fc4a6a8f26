import Glibc
public import Linux

/// A connection to a Unix or TCP socket on which every step ends by one deadline. Blocks its thread in poll(2).
public struct SocketStream: ~Copyable {
    private let socket: FileDescriptor
    /// On `MonotonicClock.now()`.
    private let deadline: UInt64

    /// Connects to the socket file `path` below `root`.
    public init(connectingTo path: String, root: RootDirectory, deadline: UInt64) throws(ExchangeError) {
        try self.init(connectingTo: .unix(path: path, root: root), deadline: deadline)
    }

    public init(connectingTo peer: Peer, deadline: UInt64) throws(ExchangeError) {
        self.deadline = deadline
        switch peer {
        case .unix(let path, let root): socket = try Self.connect(to: path, root: root, deadline: deadline)
        case .tcp(let address, let port, let makeSocket):
            socket = try Self.connect(to: address, port: port, makeSocket, deadline: deadline)
        }
    }

    private static func connect(
        to path: String, root: RootDirectory, deadline: UInt64
    ) throws(ExchangeError) -> FileDescriptor {
        let file: FileDescriptor
        do throws(Errno) { file = try root.open(path, RootDirectory.pathOnly) } catch { throw .unavailable(error) }
        let socket: FileDescriptor
        do throws(Errno) { socket = try .streamSocket(AF_UNIX) } catch { throw .failed(error) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // By descriptor: paths below /proc/1/root may be longer than the 107 bytes that an address holds.
        let name = Array("/proc/self/fd/\(file.raw)".utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        while true {
            let error = connect(socket.raw, address)
            switch error?.code {
            case nil: return socket
            case EINTR: continue
            case EAGAIN:
                // The listener's backlog is full; a Unix socket cannot be polled for room in it.
                guard MonotonicClock.now() < deadline else { throw .timedOut }
                usleep(10_000)
            case let code?: throw .unavailable(Errno(code))
            }
        }
    }

    private static func connect(
        to text: String, port: UInt16, _ makeSocket: (Int32) throws(Errno) -> FileDescriptor, deadline: UInt64
    ) throws(ExchangeError) -> FileDescriptor {
        let socket: FileDescriptor
        let failure: Errno?
        do throws(Errno) {
            var address4 = sockaddr_in()
            var address6 = sockaddr_in6()
            if inet_pton(AF_INET, text, &address4.sin_addr) == 1 {
                address4.sin_family = sa_family_t(AF_INET)
                address4.sin_port = port.bigEndian
                socket = try makeSocket(AF_INET)
                failure = connect(socket.raw, address4)
            } else if inet_pton(AF_INET6, text, &address6.sin6_addr) == 1 {
                address6.sin6_family = sa_family_t(AF_INET6)
                address6.sin6_port = port.bigEndian
                socket = try makeSocket(AF_INET6)
                failure = connect(socket.raw, address6)
            } else {
                throw Errno(EINVAL)
            }
        } catch {
            throw .failed(error)
        }
        guard let failure else { return socket }
        guard failure.code == EINPROGRESS || failure == .interrupted else { throw .unavailable(failure) }
        try wait(socket.raw, for: Int16(POLLOUT), until: deadline)
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(socket.raw, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else { throw .failed(.last) }
        guard code == 0 else { throw code == ETIMEDOUT ? .timedOut : .unavailable(Errno(code)) }
        return socket
    }

    private static func connect<Address>(_ socket: Int32, _ address: Address) -> Errno? {
        let result = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
        return result == 0 ? nil : Errno.last
    }

    /// Sends all of `bytes`.
    public borrowing func write(_ bytes: [UInt8]) throws(ExchangeError) {
        var sent = 0
        while sent < bytes.count {
            let start = sent
            let count = bytes.withUnsafeBytes {
                Glibc.send(socket.raw, $0.baseAddress.map { $0 + start }, $0.count - start, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
                continue
            }
            let error = Errno.last
            if error == .interrupted { continue }
            guard error == .again else { throw .failed(error) }
            try wait(for: Int16(POLLOUT))
        }
    }

    /// Appends what has arrived, at most `limit` bytes, to `buffer`; waits for at least one. False at the end.
    public borrowing func read(appendingTo buffer: inout [UInt8], limit: Int = 16384) throws(ExchangeError) -> Bool {
        while true {
            // Also between two reads that both succeed at once: an endless answer must not outlast the deadline.
            guard MonotonicClock.now() < deadline else { throw .timedOut }
            let (count, failure) = withUnsafeTemporaryAllocation(byteCount: limit, alignment: 1) {
                chunk -> (Int, Int32) in
                let count = Glibc.recv(socket.raw, chunk.baseAddress, chunk.count, 0)
                if count > 0 { buffer.append(contentsOf: UnsafeRawBufferPointer(rebasing: chunk[..<count])) }
                return (count, count < 0 ? errno : 0)
            }
            if count > 0 { return true }
            if count == 0 { return false }
            if failure == EINTR { continue }
            guard failure == EAGAIN else { throw .failed(Errno(failure)) }
            try wait(for: Int16(POLLIN))
        }
    }

    private borrowing func wait(for events: Int16) throws(ExchangeError) {
        try Self.wait(socket.raw, for: events, until: deadline)
    }

    private static func wait(_ socket: Int32, for events: Int16, until deadline: UInt64) throws(ExchangeError) {
        while true {
            let now = MonotonicClock.now()
            guard now < deadline else { throw .timedOut }
            var descriptor = pollfd(fd: socket, events: events, revents: 0)
            let milliseconds = min((deadline - now) / 1_000_000 + 1, 60_000)
            let ready = poll(&descriptor, 1, Int32(milliseconds))
            if ready > 0 { return }
            if ready < 0 {
                let error = Errno.last
                if error != .interrupted { throw .failed(error) }
            }
        }
    }
}
