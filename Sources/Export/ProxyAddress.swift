import Glibc

/// An IP address in a list of hosts that need no proxy.
struct ProxyAddress: Equatable {
    /// Four or sixteen, in the order of the network. An IPv4 address within IPv6 has four.
    private let bytes: [UInt8]

    /// Nil if `text` is no numeric address.
    init?(_ text: some StringProtocol) {
        let text = String(text)
        var four = in_addr()
        var sixteen = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = withUnsafeBytes(of: four) { Array($0) }
        } else if inet_pton(AF_INET6, text, &sixteen) == 1 {
            let all = withUnsafeBytes(of: sixteen) { Array($0) }
            let isMapped = all[..<10].allSatisfy { $0 == 0 } && all[10] == 0xFF && all[11] == 0xFF
            bytes = isMapped ? Array(all[12...]) : all
        } else {
            return nil
        }
    }

    var isLoopback: Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] == 1
    }

    /// Whether the first `length` bits are those of `network`.
    func isIn(_ network: ProxyAddress, prefix length: Int) -> Bool {
        guard bytes.count == network.bytes.count, (0...(8 * bytes.count)).contains(length) else { return false }
        let (whole, rest) = (length / 8, length % 8)
        guard bytes[..<whole] == network.bytes[..<whole] else { return false }
        return rest == 0 || (bytes[whole] ^ network.bytes[whole]) >> UInt8(8 - rest) == 0
    }
}
