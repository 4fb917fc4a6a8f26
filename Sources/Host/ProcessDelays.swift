import Glibc
public import Linux

/// How long processes waited for a CPU and for block I/O, from the kernel's taskstats
/// (Documentation/accounting/taskstats.rst, delay-accounting.rst). Needs CAP_NET_ADMIN.
public struct ProcessDelays: ~Copyable {
    /// Nanoseconds over the whole life of a process, its ended threads included.
    public struct Delays: Sendable, Equatable {
        public var cpu: UInt64
        /// 0 while `kernel.task_delayacct` is off.
        public var disk: UInt64

        public init(cpu: UInt64, disk: UInt64) {
            self.cpu = cpu
            self.disk = disk
        }
    }

    private let socket: FileDescriptor
    private let family: UInt16
    private var sequence: UInt32 = 0
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    /// Questions in one system call: their answers fit the smallest receive buffer that the kernel gives.
    private static let batch = 32

    /// Whether the kernel counts waits for block I/O; nil where it cannot.
    public static func countsDisk(procfs: String = "/proc") -> Bool? {
        (try? SmallFile.text(procfs + "/sys/kernel/task_delayacct", limit: 64)).map { $0 != "0" }
    }

    /// Opens a socket and asks for the number of the family. Throws `ENOENT` where the kernel has no taskstats.
    public init() throws(Errno) { try self.init(receiveBuffer: nil) }

    /// `receiveBuffer` is the size of the socket's buffer in bytes, nil the system's default.
    init(receiveBuffer: Int32?) throws(Errno) {
        let raw = Glibc.socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), Self.generic)
        guard raw >= 0 else { throw Errno.last }
        let socket = FileDescriptor(owning: raw)
        if var size = receiveBuffer { setsockopt(raw, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        try Self.send(
            socket,
            Self.message(type: Self.controller, command: 3, sequence: 0, attribute: 2, Array("TASKSTATS\0".utf8))
        )
        var family: UInt16?
        var failure: Errno?
        while try Self.receive(
            socket, &buffer,
            { _, message in
                switch message {
                case .failure(let error): failure = error
                case .payload(let payload): family = Self.family(payload) ?? family
                }
            })
        {}
        if let failure { throw failure }
        guard let family else { throw .notFound }
        self.socket = socket
        self.family = family
    }

    /// Asks for each of `pids` (thread group ids) and hands over the answers in any order; processes that have ended have
    /// none. Returns false if the kernel's answers did not fit the socket's buffer: some are missing then, and can be asked
    /// for again. Throws `EPERM` without the capability.
    public mutating func read(_ pids: [UInt32], _ body: (UInt32, Delays) -> Void) throws(Errno) -> Bool {
        var isComplete = true
        var rest = pids[...]
        while !rest.isEmpty {
            let some = rest.prefix(Self.batch)
            rest = rest.dropFirst(Self.batch)
            var request: [UInt8] = []
            let first = sequence &+ 1
            for pid in some {
                sequence &+= 1
                request += Self.message(
                    type: family, command: 1, sequence: sequence, attribute: 2,
                    withUnsafeBytes(of: pid) { Array($0) })
            }
            try Self.send(socket, request)
            var refused = false
            // At most one look more than there can be answers: the kernel writes none without a question.
            for _ in 0...(some.count + 1) {
                do throws(Errno) {
                    let isMore = try Self.receive(socket, &buffer) { answered, message in
                        guard answered &- first < UInt32(some.count) else { return }
                        switch message {
                        case .failure(let error): if error == .notPermitted { refused = true }
                        case .payload(let payload): if let (pid, delays) = Self.delays(payload) { body(pid, delays) }
                        }
                    }
                    if !isMore { break }
                } catch {
                    // An overrun is told once; what did fit is still there.
                    guard error.code == ENOBUFS else { throw error }
                    isComplete = false
                }
            }
            if refused { throw .notPermitted }
        }
        return isComplete
    }

    // MARK: The protocol (linux/netlink.h, linux/genetlink.h, linux/taskstats.h)

    private static let generic: Int32 = 16
    private static let controller: UInt16 = 16
    private static let headerSize = 16
    private static let genericHeaderSize = 4

    private enum Message: ~Escapable {
        case failure(Errno)
        case payload(RawSpan)
    }

    /// One request with one attribute.
    private static func message(
        type: UInt16, command: UInt8, sequence: UInt32, attribute: UInt16, _ value: [UInt8]
    ) -> [UInt8] {
        let length = headerSize + genericHeaderSize + 4 + value.count
        var bytes = [UInt8](repeating: 0, count: (length + 3) & ~3)
        bytes.withUnsafeMutableBytes { raw in
            raw.storeBytes(of: UInt32(length), toByteOffset: 0, as: UInt32.self)
            raw.storeBytes(of: type, toByteOffset: 4, as: UInt16.self)
            raw.storeBytes(of: 1, toByteOffset: 6, as: UInt16.self)  // NLM_F_REQUEST
            raw.storeBytes(of: sequence, toByteOffset: 8, as: UInt32.self)
            raw.storeBytes(of: command, toByteOffset: 16, as: UInt8.self)
            raw.storeBytes(of: 1, toByteOffset: 17, as: UInt8.self)  // version
            raw.storeBytes(of: UInt16(4 + value.count), toByteOffset: 20, as: UInt16.self)
            raw.storeBytes(of: attribute, toByteOffset: 22, as: UInt16.self)
            raw[24...].copyBytes(from: value)
        }
        return bytes
    }

    private static func send(_ socket: borrowing FileDescriptor, _ request: [UInt8]) throws(Errno) {
        guard Glibc.send(socket.raw, request, request.count, 0) == request.count else { throw Errno.last }
    }

    /// Takes what is there of answers; the kernel has written them before send(2) returned. False when there are no more.
    private static func receive(
        _ socket: borrowing FileDescriptor, _ buffer: inout [UInt8], _ body: (UInt32, borrowing Message) -> Void
    ) throws(Errno) -> Bool {
        let count = recv(socket.raw, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        guard count >= 0 else {
            let error = Errno.last
            if error == .interrupted { return true }
            if error == .again { return false }
            throw error
        }
        forEachMessage(buffer.span.bytes.extracting(first: count), body)
        return true
    }

    private static func forEachMessage(_ bytes: RawSpan, _ body: (UInt32, borrowing Message) -> Void) {
        var rest = bytes
        while rest.byteCount >= headerSize {
            let length = Int(rest.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self))
            let kind = rest.unsafeLoadUnaligned(fromByteOffset: 4, as: UInt16.self)
            let sequence = rest.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt32.self)
            guard length >= headerSize, length <= rest.byteCount else { return }
            let payload = rest.extracting(headerSize..<length)
            rest = rest.extracting(min((length + 3) & ~3, rest.byteCount)...)
            if kind == 2 {  // NLMSG_ERROR
                guard payload.byteCount >= 4 else { continue }
                let code = payload.unsafeLoadUnaligned(fromByteOffset: 0, as: Int32.self)
                if code < 0 { body(sequence, .failure(Errno(negated: code))) }
            } else if payload.byteCount >= genericHeaderSize {
                body(sequence, .payload(payload.extracting(genericHeaderSize...)))
            }
        }
    }

    /// CTRL_ATTR_FAMILY_ID.
    static func family(_ attributes: RawSpan) -> UInt16? {
        var family: UInt16?
        forEachAttribute(of: attributes) { type, value in
            if type == 1, value.byteCount >= 2 {
                family = value.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt16.self)
            }
        }
        return family
    }

    /// TASKSTATS_TYPE_AGGR_TGID, which holds TASKSTATS_TYPE_TGID and TASKSTATS_TYPE_STATS. `struct taskstats` grows with
    /// its version; the members read here have stood at the same place since the first.
    static func delays(_ attributes: RawSpan) -> (UInt32, Delays)? {
        var pid: UInt32?
        var delays: Delays?
        forEachAttribute(of: attributes) { type, value in
            guard type == 5 else { return }
            forEachAttribute(of: value) { type, value in
                switch type {
                case 2 where value.byteCount >= 4:
                    pid = value.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self)
                case 3 where value.byteCount >= 48 && value.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt16.self) > 0:
                    delays = Delays(
                        cpu: value.unsafeLoadUnaligned(fromByteOffset: 24, as: UInt64.self),
                        disk: value.unsafeLoadUnaligned(fromByteOffset: 40, as: UInt64.self))
                default: break
                }
            }
        }
        guard let pid, let delays else { return nil }
        return (pid, delays)
    }

    private static func forEachAttribute(of attributes: RawSpan, _ body: (UInt16, RawSpan) -> Void) {
        var rest = attributes
        while rest.byteCount >= 4 {
            let length = Int(rest.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt16.self))
            let type = rest.unsafeLoadUnaligned(fromByteOffset: 2, as: UInt16.self) & 0x3fff
            guard length >= 4, length <= rest.byteCount else { return }
            body(type, rest.extracting(4..<length))
            rest = rest.extracting(min((length + 3) & ~3, rest.byteCount)...)
        }
    }
}
