internal import Glibc
internal import Host
public import Linux

/// A raw socket for echo requests of one family in the network namespace of the thread that made it. Needs CAP_NET_RAW
/// there.
public struct EchoSocket: ~Copyable, Sendable {
    let descriptor: FileDescriptor
    let isIPv6: Bool

    /// For poll(2). A method, because a property of an optional noncopyable value cannot be read in place.
    func pollDescriptor() -> Int32 { descriptor.raw }

    /// `SOL_ICMPV6` and `SOL_RAW` of linux/socket.h; `ICMP_FILTER` and `ICMPV6_FILTER` are one number.
    private static let icmp6Level: Int32 = 58
    private static let rawLevel: Int32 = 255
    private static let filter: Int32 = 1

    /// `SO_TIMESTAMPNS` of asm-generic/socket.h, the same on amd64 and arm64; also the type of the control message.
    private static let timestamps: Int32 = 35

    public init(isIPv6: Bool) throws(Errno) {
        let type = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let raw = socket(isIPv6 ? AF_INET6 : AF_INET, type, Int32(isIPv6 ? 58 : 1))
        guard raw >= 0 else { throw Errno.last }
        descriptor = FileDescriptor(owning: raw)
        self.isIPv6 = isIPv6
        var on: Int32 = 1
        // The kernel notes when a packet came in, so that it does not matter when this thread runs.
        _ = setsockopt(raw, SOL_SOCKET, Self.timestamps, &on, socklen_t(MemoryLayout<Int32>.size))
        // Only replies: linux/icmp.h (a bit set stops a type) and linux/icmpv6.h.
        if isIPv6 {
            var blocked = [UInt32](repeating: .max, count: 8)
            blocked[129 / 32] &= ~(1 << UInt32(129 % 32))
            _ = setsockopt(raw, Self.icmp6Level, Self.filter, &blocked, 32)
        } else {
            var blocked = ~UInt32(1)
            _ = setsockopt(raw, Self.rawLevel, Self.filter, &blocked, 4)
        }
    }

    /// Sends one request. Throws where there is no way to `address`, or a rule forbids it.
    func send(_ message: EchoMessage, to address: IPAddress) throws(Errno) {
        let result = withUnsafeTemporaryAllocation(byteCount: EchoMessage.size, alignment: 8) { buffer -> Int in
            message.write(isIPv6: isIPv6, into: buffer)
            return Self.withSocketAddress(address) { name, length in
                sendto(descriptor.raw, buffer.baseAddress, EchoMessage.size, Int32(MSG_DONTWAIT), name, length)
            }
        }
        guard result >= 0 else { throw Errno.last }
    }

    private static func withSocketAddress(
        _ address: IPAddress, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int
    ) -> Int {
        if address.isIPv6 {
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            withUnsafeMutableBytes(of: &name.sin6_addr) { $0.copyBytes(from: address.bytes) }
            return withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        withUnsafeMutableBytes(of: &name.sin_addr) { $0.copyBytes(from: address.bytes) }
        return withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// A reply, who sent it, and when it came in (CLOCK_REALTIME).
    struct Reply {
        let message: EchoMessage
        let source: IPAddress
        let time: UInt64
    }

    /// Takes one packet off the queue. Nil when it is empty; `isReply` of the result is nil for what is no echo reply.
    func receive() -> (isEmpty: Bool, reply: Reply?) {
        withUnsafeTemporaryAllocation(byteCount: 768, alignment: 16) { memory in
            // 512 bytes for the packet, more than an answer has; 128 for control data; the sender's address.
            guard let base = memory.baseAddress else { return (true, nil) }
            var part = iovec(iov_base: base, iov_len: 512)
            let control = base + 512
            let name = base + 640
            name.initializeMemory(as: UInt8.self, repeating: 0, count: 128)
            var header = msghdr()
            header.msg_name = name
            header.msg_namelen = 128
            header.msg_control = control
            header.msg_controllen = 128
            let count = withUnsafeMutablePointer(to: &part) { part -> Int in
                header.msg_iov = part
                header.msg_iovlen = 1
                return recvmsg(descriptor.raw, &header, Int32(MSG_DONTWAIT))
            }
            guard count >= 0 else { return (errno != EINTR, nil) }
            let packet = UnsafeRawBufferPointer(start: base, count: count)
            guard let message = EchoMessage(reply: packet, isIPv6: isIPv6) else { return (false, nil) }
            // struct sockaddr_in: the address is at 4; struct sockaddr_in6: at 8.
            let bytes = UnsafeRawBufferPointer(start: name + (isIPv6 ? 8 : 4), count: isIPv6 ? 16 : 4)
            guard let source = IPAddress(bytes) else { return (false, nil) }
            let time = Self.timestamp(UnsafeRawBufferPointer(start: control, count: Int(header.msg_controllen)))
            return (false, Reply(message: message, source: source, time: time ?? MonotonicClock.wallTime()))
        }
    }

    /// The control messages are `struct cmsghdr` (length, level, type), data, padding to 8 (cmsg(3)).
    private static func timestamp(_ control: UnsafeRawBufferPointer) -> UInt64? {
        var offset = 0
        while control.count - offset >= 16 {
            let length = Int(control.load(fromByteOffset: offset, as: UInt.self))
            guard length >= 16, length <= control.count - offset else { return nil }
            let level = control.load(fromByteOffset: offset + 8, as: Int32.self)
            let type = control.load(fromByteOffset: offset + 12, as: Int32.self)
            if level == SOL_SOCKET, type == timestamps, length >= 32 {
                let seconds = control.load(fromByteOffset: offset + 16, as: Int64.self)
                let nanoseconds = control.load(fromByteOffset: offset + 24, as: Int64.self)
                guard seconds >= 0, nanoseconds >= 0 else { return nil }
                return UInt64(seconds) &* 1_000_000_000 &+ UInt64(nanoseconds)
            }
            offset += (length + 7) & ~7
        }
        return nil
    }
}
