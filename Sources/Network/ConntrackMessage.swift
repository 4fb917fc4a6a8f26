internal import Glibc
internal import Host
internal import Linux

/// Messages of the kernel's connection tracking (linux/netfilter/nfnetlink_conntrack.h): parsed in place, byte by byte, every
/// length checked, nothing allocated.
struct ConntrackMessage {
    /// The tuple of the connection's first direction, as the client sent it.
    var source: Endpoint
    var destination: Endpoint
    /// Where the answers come from: the destination after translation.
    var replySource: Endpoint
    /// `IPS_*` of linux/netfilter/nf_conntrack_common.h.
    var status: UInt32

    /// `IPS_DST_NAT`.
    static let destinationIsTranslated: UInt32 = 1 << 5

    static let headerSize = 16
    /// `struct nfgenmsg`.
    static let familyHeaderSize = 4
    /// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW` and `…_GET`.
    static let new: UInt16 = 0x100
    static let get: UInt16 = 0x101
    static let error: UInt16 = 2

    /// Where the connection goes in truth; nil if its destination is not translated.
    var actual: Endpoint? {
        status & Self.destinationIsTranslated != 0 && replySource != destination ? replySource : nil
    }

    /// The payload of an `IPCTNL_MSG_CT_NEW` message of a TCP connection; nil for anything else.
    init?(payload: UnsafeRawBufferPointer) {
        guard payload.count >= Self.familyHeaderSize else { return nil }
        var original: Tuple?
        var reply: Tuple?
        var status: UInt32 = 0
        let attributes = UnsafeRawBufferPointer(rebasing: payload[Self.familyHeaderSize...])
        Self.forEachAttribute(attributes) { type, value in
            switch type {
            case 1: original = Tuple(value)  // CTA_TUPLE_ORIG
            case 2: reply = Tuple(value)  // CTA_TUPLE_REPLY
            case 3 where value.count >= 4: status = UInt32(bigEndian: value.loadUnaligned(as: UInt32.self))
            default: break
            }
        }
        guard let original, let reply else { return nil }
        source = original.source
        destination = original.destination
        replySource = reply.source
        self.status = status
    }

    private struct Tuple {
        let source: Endpoint
        let destination: Endpoint

        init?(_ bytes: UnsafeRawBufferPointer) {
            var (sourceAddress, destinationAddress): (IPAddress?, IPAddress?) = (nil, nil)
            var (sourcePort, destinationPort): (UInt16?, UInt16?) = (nil, nil)
            var transport: UInt8 = 0
            ConntrackMessage.forEachAttribute(bytes) { type, value in
                if type == 1 {  // CTA_TUPLE_IP
                    ConntrackMessage.forEachAttribute(value) { type, value in
                        switch type {
                        case 1 where value.count == 4, 3 where value.count == 16:
                            sourceAddress = ConntrackMessage.address(value)
                        case 2 where value.count == 4, 4 where value.count == 16:
                            destinationAddress = ConntrackMessage.address(value)
                        default: break
                        }
                    }
                } else if type == 2 {  // CTA_TUPLE_PROTO
                    ConntrackMessage.forEachAttribute(value) { type, value in
                        switch type {
                        case 1 where value.count == 1: transport = value[0]
                        case 2 where value.count == 2:
                            sourcePort = UInt16(bigEndian: value.loadUnaligned(as: UInt16.self))
                        case 3 where value.count == 2:
                            destinationPort = UInt16(bigEndian: value.loadUnaligned(as: UInt16.self))
                        default: break
                        }
                    }
                }
            }
            guard transport == UInt8(IPPROTO_TCP), let sourceAddress, let destinationAddress, let sourcePort,
                let destinationPort
            else { return nil }
            source = Endpoint(address: sourceAddress, port: sourcePort)
            destination = Endpoint(address: destinationAddress, port: destinationPort)
        }
    }

    private static func address(_ bytes: UnsafeRawBufferPointer) -> IPAddress {
        if bytes.count == 4 {
            let word = UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))
            return IPAddress(mappedHigh: 0, low: 0xFFFF << 32 | UInt64(word))
        }
        return IPAddress(
            mappedHigh: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }

    private static func forEachAttribute(
        _ attributes: UnsafeRawBufferPointer, _ body: (UInt16, UnsafeRawBufferPointer) -> Void
    ) {
        var offset = 0
        while attributes.count - offset >= 4 {
            let length = Int(attributes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
            // The top bits are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
            let type = attributes.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self) & 0x3fff
            guard length >= 4, length <= attributes.count - offset else { return }
            body(type, UnsafeRawBufferPointer(rebasing: attributes[(offset + 4)..<(offset + length)]))
            offset += min((length + 3) & ~3, attributes.count - offset)
        }
    }

    /// Calls `body` with type, sequence number and payload of each netlink message in what one read gave.
    static func forEach(_ bytes: UnsafeRawBufferPointer, _ body: (UInt16, UInt32, UnsafeRawBufferPointer) -> Void) {
        var offset = 0
        while bytes.count - offset >= headerSize {
            let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            guard length >= headerSize, length <= bytes.count - offset else { return }
            body(
                bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt16.self),
                bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self),
                UnsafeRawBufferPointer(rebasing: bytes[(offset + headerSize)..<(offset + length)]))
            offset += min((length + 3) & ~3, bytes.count - offset)
        }
    }

    /// Writes a request for the entry of one TCP connection into `buffer`, at least 128 bytes, and returns its length.
    static func request(
        source: Endpoint, destination: Endpoint, sequence: UInt32, into buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        let isIPv6 = destination.address.isIPv6
        let size = isIPv6 ? 16 : 4
        let addresses = 4 + 2 * (4 + size)
        let ports = 4 + 3 * 8
        let length = headerSize + familyHeaderSize + 4 + addresses + ports
        buffer.storeBytes(of: UInt32(length), toByteOffset: 0, as: UInt32.self)
        buffer.storeBytes(of: get, toByteOffset: 4, as: UInt16.self)
        buffer.storeBytes(of: 1, toByteOffset: 6, as: UInt16.self)  // NLM_F_REQUEST
        buffer.storeBytes(of: sequence, toByteOffset: 8, as: UInt32.self)
        buffer.storeBytes(of: 0, toByteOffset: 12, as: UInt32.self)
        buffer.storeBytes(of: UInt32(0), toByteOffset: 16, as: UInt32.self)
        buffer.storeBytes(of: UInt8(isIPv6 ? AF_INET6 : AF_INET), toByteOffset: 16, as: UInt8.self)
        var offset = headerSize + familyHeaderSize
        func attribute(_ type: UInt16, _ length: Int) {
            buffer.storeBytes(of: UInt16(4 + length), toByteOffset: offset, as: UInt16.self)
            buffer.storeBytes(of: type, toByteOffset: offset + 2, as: UInt16.self)
            offset += 4
        }
        func address(_ address: IPAddress) {
            if isIPv6 {
                buffer.storeBytes(of: address.mappedHigh.bigEndian, toByteOffset: offset, as: UInt64.self)
                buffer.storeBytes(of: address.mappedLow.bigEndian, toByteOffset: offset + 8, as: UInt64.self)
            } else {
                let word = UInt32(truncatingIfNeeded: address.mappedLow)
                buffer.storeBytes(of: word.bigEndian, toByteOffset: offset, as: UInt32.self)
            }
            offset += size
        }
        let nested: UInt16 = 0x8000
        attribute(1 | nested, addresses + ports)
        attribute(1 | nested, addresses - 4)
        attribute(isIPv6 ? 3 : 1, size)
        address(source.address)
        attribute(isIPv6 ? 4 : 2, size)
        address(destination.address)
        attribute(2 | nested, ports - 4)
        attribute(1, 1)
        buffer.storeBytes(of: UInt32(0), toByteOffset: offset, as: UInt32.self)
        buffer.storeBytes(of: UInt8(IPPROTO_TCP), toByteOffset: offset, as: UInt8.self)
        offset += 4
        for (type, port) in [(UInt16(2), source.port), (3, destination.port)] {
            attribute(type, 2)
            buffer.storeBytes(of: UInt32(0), toByteOffset: offset, as: UInt32.self)
            buffer.storeBytes(of: port.bigEndian, toByteOffset: offset, as: UInt16.self)
            offset += 4
        }
        return length
    }
}
