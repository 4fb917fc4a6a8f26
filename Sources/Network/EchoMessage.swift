internal import Glibc

/// Echo requests and replies (RFC 792, RFC 4443): 8 bytes of header and 16 of payload, of which the first 8 are a cookie
/// that nobody else knows.
struct EchoMessage {
    static let size = 24

    let identifier: UInt16
    let sequence: UInt16
    let cookie: UInt64

    /// Writes the request into the first `size` bytes of `buffer`.
    ///
    /// The checksum of ICMPv6 covers addresses that the kernel chooses, and the kernel computes it (RFC 3542, section 3.1).
    func write(isIPv6: Bool, into buffer: UnsafeMutableRawBufferPointer) {
        let message = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Self.size])
        message.initializeMemory(as: UInt8.self, repeating: 0)
        message[0] = isIPv6 ? 128 : 8
        message.storeBytes(of: identifier.bigEndian, toByteOffset: 4, as: UInt16.self)
        message.storeBytes(of: sequence.bigEndian, toByteOffset: 6, as: UInt16.self)
        message.storeBytes(of: cookie, toByteOffset: 8, as: UInt64.self)
        if !isIPv6 {
            let sum = Self.checksum(UnsafeRawBufferPointer(message))
            message.storeBytes(of: sum.bigEndian, toByteOffset: 2, as: UInt16.self)
        }
    }

    /// Reads a reply as a raw socket gives it: for IPv4 with the IP header, for IPv6 without. Nil for anything that is no
    /// reply, is cut or has a wrong checksum (the kernel has checked that of ICMPv6).
    init?(reply bytes: UnsafeRawBufferPointer, isIPv6: Bool) {
        var message = bytes
        if !isIPv6 {
            guard let first = bytes.first, first >> 4 == 4 else { return nil }
            let header = Int(first & 0xF) * 4
            guard header >= 20, bytes.count >= header else { return nil }
            message = UnsafeRawBufferPointer(rebasing: bytes[header...])
        }
        guard message.count >= Self.size, message[0] == (isIPv6 ? 129 : 0), message[1] == 0 else { return nil }
        if !isIPv6, Self.checksum(message) != 0 { return nil }
        identifier = UInt16(bigEndian: message.loadUnaligned(fromByteOffset: 4, as: UInt16.self))
        sequence = UInt16(bigEndian: message.loadUnaligned(fromByteOffset: 6, as: UInt16.self))
        cookie = message.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    }

    init(identifier: UInt16, sequence: UInt16, cookie: UInt64) {
        self.identifier = identifier
        self.sequence = sequence
        self.cookie = cookie
    }

    /// The internet checksum (RFC 1071) of bytes in network order; 0 over bytes that hold their right checksum.
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt16 {
        var sum: UInt32 = 0
        var index = 0
        while index + 1 < bytes.count {
            sum += UInt32(bytes[index]) << 8 | UInt32(bytes[index + 1])
            // Folded as it grows, so that it cannot overflow.
            sum = (sum & 0xFFFF) + sum >> 16
            index += 2
        }
        if index < bytes.count { sum += UInt32(bytes[index]) << 8 }
        while sum > 0xFFFF { sum = (sum & 0xFFFF) + sum >> 16 }
        return ~UInt16(sum)
    }
}
