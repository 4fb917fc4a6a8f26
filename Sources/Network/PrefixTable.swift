public import Host

/// A set of networks, asked for the longest one that an address is in.
///
/// One hash table, with the networks' own bits as the key, and for each family the prefix lengths in use, longest first: a
/// look-up costs one probe for each length in use, 32 or 128 at most, however many networks there are.
public struct PrefixTable: Sendable {
    /// Networks beyond this many are refused.
    public static let maximumEntries = 65_536

    private var networks = Set<CIDRBlock>()
    /// Lengths in use, longest first.
    private var lengths4: [Int] = []
    private var lengths6: [Int] = []

    public init() {}

    public init(_ blocks: some Sequence<CIDRBlock>) {
        for block in blocks { insert(block) }
    }

    public var count: Int { networks.count }

    /// False, and nothing changed, where the table is full.
    @discardableResult
    public mutating func insert(_ block: CIDRBlock) -> Bool {
        let network = CIDRBlock(around: block.prefix.masked(to: block.length), length: block.length)
        if networks.contains(network) { return true }
        guard networks.count < Self.maximumEntries else { return false }
        networks.insert(network)
        if network.prefix.isIPv6 {
            Self.note(network.length, in: &lengths6)
        } else {
            Self.note(network.length, in: &lengths4)
        }
        return true
    }

    private static func note(_ length: Int, in lengths: inout [Int]) {
        guard !lengths.contains(length) else { return }
        lengths.append(length)
        lengths.sort(by: >)
    }

    /// The longest network that `address` is in.
    public func longestMatch(_ address: IPAddress) -> CIDRBlock? {
        for length in address.isIPv6 ? lengths6 : lengths4 {
            let block = CIDRBlock(around: address.masked(to: length), length: length)
            if networks.contains(block) { return block }
        }
        return nil
    }

    public func contains(_ address: IPAddress) -> Bool { longestMatch(address) != nil }
}
