/// A block of addresses in CIDR notation (RFC 4632): `10.0.0.0/8`, `fc00::/7`.
public struct CIDRBlock: Hashable, Sendable {
    public let prefix: IPAddress
    public let length: Int

    /// Nil unless `text` is an address, a slash and a prefix length that the address has room for.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(text: String(parts[0])), let length = Int(parts[1]),
            parts[1].allSatisfy(\.isNumber), length <= (address.isIPv6 ? 128 : 32)
        else { return nil }
        self.prefix = address
        self.length = length
    }

    /// The block of `length` bits in which `address` lies.
    public init(around address: IPAddress, length: Int) {
        self.prefix = address
        self.length = min(max(length, 0), address.isIPv6 ? 128 : 32)
    }

    public func contains(_ address: IPAddress) -> Bool { address.hasPrefix(prefix, length: length) }
}
