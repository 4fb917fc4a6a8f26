internal import CLinux
internal import Glibc
internal import Host
public import Linux

/// The connection tracking of one network namespace, by netlink: new TCP connections whose destination is translated, as
/// they come, and the entry of any one connection when asked.
///
/// Two sockets, made inside the namespace; they keep working from anywhere, and keep the namespace alive until they are
/// closed. The first is subscribed to new entries and carries a classic BPF filter, so that entries without destination NAT
/// end in the kernel. The kernel queues the message of an entry when the connection's first packet leaves the namespace or
/// reaches its socket: before the connection can be established.
///
/// Needs CAP_NET_ADMIN over the namespace.
public final class ConntrackSocket: @unchecked Sendable {
    // Sendable from where it is made to the one lane that uses it from then on.

    /// Limits of the queue of messages, in bytes, taken as it fills. A message counts for 1,280: so these are 3,200 and 800
    /// translated connections between two passes of the drain.
    public static let hostQueue: Int32 = 4 << 20
    public static let containerQueue: Int32 = 1 << 20

    /// `SOL_NETLINK`, `NETLINK_ADD_MEMBERSHIP` and `NETLINK_NETFILTER` of linux/socket.h and linux/netlink.h.
    private static let netlinkLevel: Int32 = 270
    private static let addMembership: Int32 = 1
    private static let netfilter: Int32 = 12

    /// Inode number of the namespace.
    public let netns: UInt32
    let events: FileDescriptor
    private let queries: FileDescriptor
    private var sequence: UInt32 = 0

    /// Until then (CLOCK_MONOTONIC) messages may be missing, and what has no translation is asked for.
    var incompleteUntil: UInt64

    /// Whether this kernel sends no events at all here (`net.netfilter.nf_conntrack_events` = 0).
    public let isSilent: Bool

    /// Sockets in the calling thread's namespace, whose inode number is `netns`.
    ///
    /// - Parameter receiveBytes: limit of the queue of messages.
    public init(netns: UInt32, receiveBytes: Int32 = containerQueue) throws(Errno) {
        self.netns = netns
        // The file shows the namespace of the thread that reads it, and is absent without connection tracking.
        isSilent = (try? SmallFile.text("/proc/sys/net/netfilter/nf_conntrack_events")) == "0"
        events = try Self.socket(flags: Int32(SOCK_NONBLOCK.rawValue))
        queries = try Self.socket(flags: 0)
        incompleteUntil = isSilent ? .max : 0
        try Self.attachFilter(events.raw)
        // The kernel doubles it. Beyond the system's limit with CAP_NET_ADMIN, without which the group is refused anyway.
        var size = receiveBytes / 2
        _ = setsockopt(events.raw, SOL_SOCKET, SO_RCVBUFFORCE, &size, socklen_t(MemoryLayout<Int32>.size))
        var group: Int32 = 1  // NFNLGRP_CONNTRACK_NEW
        guard setsockopt(events.raw, Self.netlinkLevel, Self.addMembership, &group, 4) == 0 else {
            throw Errno.last
        }
    }

    private static func socket(flags: Int32) throws(Errno) -> FileDescriptor {
        let raw = Glibc.socket(
            AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | flags, Self.netfilter)
        guard raw >= 0 else { throw Errno.last }
        let socket = FileDescriptor(owning: raw)
        // struct sockaddr_nl (linux/netlink.h): family, padding, number, groups. The kernel chooses the number; a socket
        // without one gets no messages of groups.
        let address: [UInt16] = [UInt16(AF_NETLINK), 0, 0, 0, 0, 0]
        let bound = address.withUnsafeBytes { bytes -> Int32 in
            guard let start = bytes.baseAddress else { return -1 }
            return bind(raw, start.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
        guard bound == 0 else { throw Errno.last }
        return socket
    }

    /// Passes messages of TCP connections that have `IPS_DST_NAT` (linux/filter.h; attributes are found by
    /// `SKF_AD_NLATTR`, net/core/filter.c). Loads are big-endian, as the attributes are.
    private static func attachFilter(_ socket: Int32) throws(Errno) {
        let find: UInt32 = 0xFFFF_F000 + 12  // SKF_AD_OFF + SKF_AD_NLATTR
        let findNested: UInt32 = 0xFFFF_F000 + 16  // … + SKF_AD_NLATTR_NEST
        let attributes = UInt32(ConntrackMessage.headerSize + ConntrackMessage.familyHeaderSize)
        func step(_ code: UInt16, _ value: UInt32 = 0, yes: UInt8 = 0, no: UInt8 = 0) -> sock_filter {
            sock_filter(code: code, jt: yes, jf: no, k: value)
        }
        let (loadWord, loadImmediate, loadIndex): (UInt16, UInt16, UInt16) = (0x20, 0x00, 0x01)
        let (toIndex, byteAtIndex, wordAtIndex): (UInt16, UInt16, UInt16) = (0x07, 0x50, 0x40)
        let (ifEqual, ifSet, give): (UInt16, UInt16, UInt16) = (0x15, 0x45, 0x06)
        var program = [
            step(loadImmediate, attributes),
            step(loadIndex, 3),  // CTA_STATUS
            step(loadWord, find),
            step(ifEqual, 0, yes: 13),
            step(toIndex),
            step(wordAtIndex, 4),
            step(ifSet, ConntrackMessage.destinationIsTranslated, no: 10),
            step(loadImmediate, attributes),
            step(loadIndex, 1),  // CTA_TUPLE_ORIG
            step(loadWord, find),
            step(loadIndex, 2),  // CTA_TUPLE_PROTO
            step(loadWord, findNested),
            step(loadIndex, 1),  // CTA_PROTO_NUM
            step(loadWord, findNested),
            step(toIndex),
            step(byteAtIndex, 4),
            step(ifEqual, UInt32(IPPROTO_TCP), yes: 1),
            step(give, 0),
            step(give, .max),
        ]
        let result = program.withUnsafeMutableBufferPointer { steps in
            var filter = sock_fprog(len: UInt16(steps.count), filter: steps.baseAddress)
            return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, socklen_t(MemoryLayout<sock_fprog>.size))
        }
        guard result == 0 else { throw Errno.last }
    }

    // MARK: Events

    /// How a drain ended.
    enum Drained {
        case empty
        /// `limit` messages were taken, more wait.
        case more
    }

    /// Hands over every new translation that waits, at most `limit` messages. Calls `overrun` where the kernel says that it
    /// had to drop messages (`ENOBUFS`).
    func drain(
        limit: Int, buffer: UnsafeMutableRawBufferPointer, overrun: () -> Void, _ body: (ConntrackMessage) -> Void
    ) -> Drained {
        var left = limit
        while left > 0 {
            left -= 1
            let count = recv(events.raw, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0 {
                switch errno {
                case ENOBUFS: overrun()
                case EINTR: break
                default: return .empty
                }
                continue
            }
            ConntrackMessage.forEach(UnsafeRawBufferPointer(rebasing: buffer[..<count])) { type, _, payload in
                if type == ConntrackMessage.new, let message = ConntrackMessage(payload: payload) { body(message) }
            }
        }
        return .more
    }

    // MARK: Queries

    /// Asks for one TCP connection's entry. Nil if there is none, or if its destination is not translated. Two system calls;
    /// the kernel answers within the first.
    func actual(
        source: Endpoint, destination: Endpoint, buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Endpoint? {
        guard source.address.isIPv6 == destination.address.isIPv6 else { return nil }
        sequence &+= 1
        let length = ConntrackMessage.request(
            source: source, destination: destination, sequence: sequence, into: buffer)
        guard send(queries.raw, buffer.baseAddress, length, 0) == length else { throw Errno.last }
        // Answers to questions that were given up may stand before it.
        for _ in 0..<8 {
            let count = recv(queries.raw, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0 {
                if errno == EINTR { continue }
                throw Errno.last
            }
            var answer: Endpoint?
            var isAnswered = false
            var failure: Int32 = 0
            ConntrackMessage.forEach(UnsafeRawBufferPointer(rebasing: buffer[..<count])) { type, number, payload in
                guard number == sequence else { return }
                isAnswered = true
                if type == ConntrackMessage.error, payload.count >= 4 {
                    failure = -payload.loadUnaligned(as: Int32.self)
                } else if type == ConntrackMessage.new {
                    answer = ConntrackMessage(payload: payload)?.actual
                }
            }
            guard isAnswered else { continue }
            if failure != 0, failure != ENOENT { throw Errno(failure) }
            return answer
        }
        throw Errno(EBADMSG)
    }

    /// The same with a buffer of its own, for callers that ask seldom.
    public func actual(source: Endpoint, destination: Endpoint) throws(Errno) -> Endpoint? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 8)
        defer { buffer.deallocate() }
        return try actual(source: source, destination: destination, buffer: buffer)
    }
}
