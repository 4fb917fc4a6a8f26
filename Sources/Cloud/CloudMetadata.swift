public import Metrics

/// What a cloud says of the instance that the node is. Unknown parts are empty.
public struct CloudMetadata: Sendable, Hashable {
    public var provider = ""
    public var accountID = ""
    public var instanceID = ""
    public var instanceType = ""
    /// `on-demand`, `spot` or `preemptible`.
    public var instanceLifeCycle = ""
    public var region = ""
    public var availabilityZone = ""
    public var availabilityZoneID = ""
    public var localIPv4 = ""
    public var publicIPv4 = ""

    public init() {}

    init(_ provider: CloudProvider) { self.provider = provider.rawValue }

    /// This, with everything that `overrides` says instead.
    public func overridden(by overrides: CloudMetadata) -> CloudMetadata {
        var result = self
        for part in Self.parts where !overrides[keyPath: part].isEmpty {
            result[keyPath: part] = overrides[keyPath: part]
        }
        return result
    }

    /// The ten labels of `node_cloud_info`.
    public var infoLabels: [LabelSet.Pair] {
        [
            ("provider", provider), ("account_id", accountID), ("instance_id", instanceID),
            ("instance_type", instanceType), ("instance_life_cycle", instanceLifeCycle), ("region", region),
            ("availability_zone", availabilityZone), ("availability_zone_id", availabilityZoneID),
            ("local_ipv4", localIPv4), ("public_ipv4", publicIPv4),
        ]
    }

    /// The labels `az` and `region` of containers: both, or none if one is unknown.
    public var placementLabels: [LabelSet.Pair] {
        region.isEmpty || availabilityZone.isEmpty ? [] : [("az", availabilityZone), ("region", region)]
    }

    private static var parts: [WritableKeyPath<CloudMetadata, String>] {
        [
            \.provider, \.accountID, \.instanceID, \.instanceType, \.instanceLifeCycle, \.region, \.availabilityZone,
            \.availabilityZoneID, \.localIPv4, \.publicIPv4,
        ]
    }

    /// Longest part in bytes.
    static let maximumLength = 256

    /// `text` as a part: without white space around it; nil if it is too long or holds what no name of these clouds has
    /// (control characters, markup of an error page).
    static func part(_ text: String) -> String? {
        var bytes = Substring(text).utf8
        while let first = bytes.first, first == 0x20 || (0x09...0x0D).contains(first) { bytes = bytes.dropFirst() }
        while let last = bytes.last, last == 0x20 || (0x09...0x0D).contains(last) { bytes = bytes.dropLast() }
        guard bytes.count <= maximumLength,
            bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">") })
        else { return nil }
        return String(Substring(bytes))
    }
}
