import Glibc

/// An IPv4 or IPv6 address.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// The first eight bytes in network order; an IPv4 address has its four at the top.
    private let high: UInt64
    private let low: UInt64
    public let isIPv6: Bool

    /// Four or sixteen bytes in network order; nil for any other number.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        var words: [UInt64] = [0, 0]
        for (index, byte) in bytes.enumerated() { words[index / 8] |= UInt64(byte) << (56 - 8 * UInt64(index % 8)) }
        high = words[0]
        low = words[1]
        isIPv6 = bytes.count == 16
    }

    /// Sixteen bytes in network order, where `::ffff:a.b.c.d` stands for an IPv4 address: the form of kernel events.
    /// The two halves are numbers, most significant byte first.
    public init(mappedHigh high: UInt64, low: UInt64) {
        isIPv6 = high != 0 || low >> 32 != 0xFFFF
        self.high = isIPv6 ? high : low << 32
        self.low = isIPv6 ? low : 0
    }

    /// The two halves of the address as sixteen bytes, IPv4 as `::ffff:a.b.c.d`: the form that `init(mappedHigh:low:)` takes.
    public var mappedHigh: UInt64 { isIPv6 ? high : 0 }
    public var mappedLow: UInt64 { isIPv6 ? low : 0xFFFF << 32 | high >> 32 }

    /// The address with all but the first `length` bits cleared.
    public func masked(to length: Int) -> IPAddress {
        let top = length >= 64 ? UInt64.max : length <= 0 ? 0 : UInt64.max << UInt64(64 - length)
        let rest = length - 64
        let bottom = rest <= 0 ? 0 : rest >= 64 ? UInt64.max : UInt64.max << UInt64(64 - rest)
        return IPAddress(high: high & top, low: low & bottom, isIPv6: isIPv6)
    }

    private init(high: UInt64, low: UInt64, isIPv6: Bool) {
        self.high = high
        self.low = low
        self.isIPv6 = isIPv6
    }

    /// Whether it can be reached from everywhere: not loopback, private or unspecified.
    public var isExternal: Bool { !isLoopback && !isPrivate && !isUnspecified && !isLinkLocalUnicast }

    /// 0.0.0.0.
    public static let unspecified = IPAddress(high: 0, low: 0, isIPv6: false)

    /// 0.0.0.0 or ::.
    public var isUnspecified: Bool { high == 0 && low == 0 }

    /// RFC 1918, fc00::/7 (RFC 4193) or 100.64.0.0/10 (RFC 6598).
    public var isPrivate: Bool {
        if isIPv6 { return high >> 57 == 0xfc >> 1 }
        return high >> 56 == 10 || high >> 52 == 0xac1 || high >> 48 == 0xc0a8 || high >> 54 == 0x6440 >> 6
    }

    /// Whether the first `length` bits are those of `prefix`, an address of the same family.
    public func hasPrefix(_ prefix: IPAddress, length: Int) -> Bool {
        guard isIPv6 == prefix.isIPv6 else { return false }
        let top = length >= 64 ? UInt64.max : length == 0 ? 0 : UInt64.max << UInt64(64 - length)
        let rest = length - 64
        let bottom = rest <= 0 ? 0 : rest >= 64 ? UInt64.max : UInt64.max << UInt64(64 - rest)
        return (high ^ prefix.high) & top == 0 && (low ^ prefix.low) & bottom == 0
    }

    /// The bytes in network order.
    public var bytes: [UInt8] {
        (0..<(isIPv6 ? 16 : 4)).map { index in
            UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> (56 - 8 * UInt64(index % 8)))
        }
    }

    /// 127.0.0.0/8 or ::1.
    public var isLoopback: Bool { isIPv6 ? high == 0 && low == 1 : high >> 56 == 127 }

    /// 169.254.0.0/16 or fe80::/10.
    public var isLinkLocalUnicast: Bool { isIPv6 ? high >> 54 == 0xfe80 >> 6 : high >> 48 == 0xa9fe }

    /// 224.0.0.0/4 or ff00::/8.
    public var isMulticast: Bool { isIPv6 ? high >> 56 == 0xff : high >> 60 == 0xe }

    /// 224.0.0.0/24 or ff02::/16 (any flags).
    public var isLinkLocalMulticast: Bool {
        isIPv6 ? high >> 56 == 0xff && (high >> 48) & 0xf == 2 : high >> 40 == 0xe00000
    }

    /// Dotted decimal, or the text of RFC 5952.
    public var description: String {
        let raw = bytes
        let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer -> String? in
            guard let start = buffer.baseAddress,
                inet_ntop(isIPv6 ? AF_INET6 : AF_INET, raw, start, socklen_t(buffer.count)) != nil
            else { return nil }
            return String(cString: start)
        }
        return text ?? ""
    }
}
