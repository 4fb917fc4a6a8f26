import Glibc
import Linux

/// A netlink socket that lists the interfaces and addresses (rtnetlink(7)) of the network namespace in which it was made,
/// whichever thread uses it later.
struct RouteSocket: ~Copyable {
    struct Link: Equatable {
        var index: Int32 = 0
        var name = ""
        /// `IF_OPER_*` of RFC 2863: 2 is down, 6 is up, 0 unknown (as loopback says).
        var operationalState: UInt8 = 0
        /// `IFF_*` of linux/if.h.
        var flags: UInt32 = 0
        /// `ARPHRD_*` of linux/if_arp.h: 1 is Ethernet, 772 loopback.
        var hardwareType: UInt16 = 0
        /// What made it (`veth`, `bridge`, `vlan`); empty for hardware.
        var kind = ""
        /// The interface on top of which it is made, and the one that it is plugged into; 0 if there is none.
        var lower: Int32 = 0
        var master: Int32 = 0
        var receivedPackets: UInt64 = 0
        var transmittedPackets: UInt64 = 0
        var receivedBytes: UInt64 = 0
        var transmittedBytes: UInt64 = 0

        /// Up by its own word. A driver that does not tell its state leaves it unknown, and then the interface counts as working
        /// (Documentation/networking/operstates.rst): up if it is switched on (IFF_UP) and has a carrier (IFF_LOWER_UP).
        var isUp: Bool { operationalState == 6 || operationalState == 0 && flags & 0x1_0001 == 0x1_0001 }
        var isDown: Bool { operationalState == 2 }
    }

    struct Address: Equatable {
        var linkIndex: Int32
        var address: IPAddress
        /// Bits of the network that the address is in.
        var prefixLength = 0
    }

    private let socket: FileDescriptor
    private var sequence: UInt32 = 0
    private var buffer = [UInt8](repeating: 0, count: bufferSize)

    /// More interfaces or addresses than this are left out.
    static let maximumEntries = 65_536
    /// The kernel makes its answers no larger than 32 KiB (`NLMSG_GOODSIZE` grows to what the reader offers).
    private static let bufferSize = 32_768

    /// A socket in the calling thread's network namespace.
    init() throws(Errno) {
        let raw = Glibc.socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard raw >= 0 else { throw Errno.last }
        let socket = FileDescriptor(owning: raw)
        // A dump is answered within the call; the limit only keeps a broken kernel from holding the caller.
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        guard setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size)) == 0 else {
            throw Errno.last
        }
        self.socket = socket
    }

    /// All interfaces, with 64-bit counters.
    mutating func links() throws(Errno) -> [Link] {
        var links = [Link]()
        try dump(request: Self.getLink) { message in
            if let link = Self.link(message), links.count < Self.maximumEntries {
                links.append(link)
            }
        }
        return links
    }

    /// All addresses of all interfaces.
    mutating func addresses() throws(Errno) -> [Address] {
        var addresses = [Address]()
        try dump(request: Self.getAddress) { message in
            if let address = Self.address(message), addresses.count < Self.maximumEntries {
                addresses.append(address)
            }
        }
        return addresses
    }

    // MARK: The protocol (linux/netlink.h, linux/rtnetlink.h, linux/if_link.h)

    private static let getLink: UInt16 = 18
    private static let getAddress: UInt16 = 22
    private static let headerSize = 16

    /// Sends a dump request and hands over the payload of every message of the answer.
    private mutating func dump(request type: UInt16, _ body: (RawSpan) -> Void) throws(Errno) {
        sequence &+= 1
        try send(type)
        while true {
            let count = try Self.receive(socket, into: &buffer)
            var rest = buffer.span.bytes.extracting(first: count)
            while rest.byteCount >= Self.headerSize {
                let length = Int(rest.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self))
                let kind = rest.unsafeLoadUnaligned(fromByteOffset: 4, as: UInt16.self)
                let answered = rest.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt32.self)
                guard length >= Self.headerSize, length <= rest.byteCount else { throw Errno(EBADMSG) }
                let payload = rest.extracting(Self.headerSize..<length)
                rest = rest.extracting(min((length + 3) & ~3, rest.byteCount)...)
                // The rest of an answer that an earlier call gave up on.
                if answered != sequence { continue }
                switch kind {
                case 2:  // NLMSG_ERROR
                    guard payload.byteCount >= 4 else { throw Errno(EBADMSG) }
                    let code = payload.unsafeLoadUnaligned(fromByteOffset: 0, as: Int32.self)
                    throw code < 0 ? Errno(negated: code) : Errno(EBADMSG)
                case 3: return  // NLMSG_DONE
                default: body(payload)
                }
            }
        }
    }

    private static func receive(
        _ socket: borrowing FileDescriptor, into buffer: inout [UInt8]
    ) throws(Errno) -> Int {
        var span = buffer.mutableSpan
        return try span.withUnsafeMutableBytes { (raw) throws(Errno) -> Int in try socket.read(into: raw) }
    }

    private func send(_ type: UInt16) throws(Errno) {
        // struct nlmsghdr, then struct rtgenmsg (one byte, AF_UNSPEC) padded to four.
        var request = [UInt8](repeating: 0, count: 20)
        request.withUnsafeMutableBytes { raw in
            raw.storeBytes(of: 20, toByteOffset: 0, as: UInt32.self)
            raw.storeBytes(of: type, toByteOffset: 4, as: UInt16.self)
            raw.storeBytes(of: 0x301, toByteOffset: 6, as: UInt16.self)  // NLM_F_REQUEST | NLM_F_DUMP
            raw.storeBytes(of: sequence, toByteOffset: 8, as: UInt32.self)
        }
        // An unconnected netlink socket sends to the kernel.
        guard Glibc.send(socket.raw, request, request.count, 0) == request.count else { throw Errno.last }
    }

    /// A message with `struct ifinfomsg`; nil if it is too short.
    static func link(_ message: RawSpan) -> Link? {
        guard message.byteCount >= 16 else { return nil }
        var link = Link()
        link.hardwareType = message.unsafeLoadUnaligned(fromByteOffset: 2, as: UInt16.self)
        link.index = message.unsafeLoadUnaligned(fromByteOffset: 4, as: Int32.self)
        link.flags = message.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt32.self)
        forEachAttribute(of: message.extracting(16...)) { type, value in
            switch type {
            case 3:  // IFLA_IFNAME
                link.name = value.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            case 5 where value.byteCount >= 4:  // IFLA_LINK
                link.lower = value.unsafeLoadUnaligned(fromByteOffset: 0, as: Int32.self)
            case 10 where value.byteCount >= 4:  // IFLA_MASTER
                link.master = value.unsafeLoadUnaligned(fromByteOffset: 0, as: Int32.self)
            case 18:  // IFLA_LINKINFO
                forEachAttribute(of: value) { type, value in
                    guard type == 1 else { return }  // IFLA_INFO_KIND
                    link.kind = value.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
                }
            case 16 where value.byteCount >= 1:  // IFLA_OPERSTATE
                link.operationalState = value.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
            case 23 where value.byteCount >= 32:  // IFLA_STATS64: struct rtnl_link_stats64
                link.receivedPackets = value.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self)
                link.transmittedPackets = value.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt64.self)
                link.receivedBytes = value.unsafeLoadUnaligned(fromByteOffset: 16, as: UInt64.self)
                link.transmittedBytes = value.unsafeLoadUnaligned(fromByteOffset: 24, as: UInt64.self)
            default: break
            }
        }
        return link.name.isEmpty ? nil : link
    }

    /// A message with `struct ifaddrmsg`; nil if it is too short or has no IP address.
    static func address(_ message: RawSpan) -> Address? {
        guard message.byteCount >= 8 else { return nil }
        var local: IPAddress?
        var other: IPAddress?
        forEachAttribute(of: message.extracting(8...)) { type, value in
            // On point-to-point links IFA_ADDRESS is the peer and IFA_LOCAL the interface's own.
            switch type {
            case 1: other = value.withUnsafeBytes { IPAddress($0) }
            case 2: local = value.withUnsafeBytes { IPAddress($0) }
            default: break
            }
        }
        guard let address = local ?? other else { return nil }
        let index = message.unsafeLoadUnaligned(fromByteOffset: 4, as: UInt32.self)
        let length = message.unsafeLoad(fromByteOffset: 1, as: UInt8.self)  // ifa_prefixlen
        return Address(
            linkIndex: Int32(truncatingIfNeeded: index), address: address, prefixLength: Int(length))
    }

    private static func forEachAttribute(of attributes: RawSpan, _ body: (UInt16, RawSpan) -> Void) {
        var rest = attributes
        while rest.byteCount >= 4 {
            let length = Int(rest.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt16.self))
            // The top bits are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
            let type = rest.unsafeLoadUnaligned(fromByteOffset: 2, as: UInt16.self) & 0x3fff
            guard length >= 4, length <= rest.byteCount else { return }
            body(type, rest.extracting(4..<length))
            rest = rest.extracting(min((length + 3) & ~3, rest.byteCount)...)
        }
    }
}
