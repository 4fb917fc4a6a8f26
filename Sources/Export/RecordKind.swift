import Wire

/// What a record of the spool says of the request in it, in 32 bits: protocol, compression, shard, shards (docs/spool.md).
struct RecordKind: Equatable, Sendable {
    let packaging: Packaging
    let shard: Shard?

    /// In the order of their numbers.
    private static let protocols: [MetricsProtocol] = [.remoteWrite, .remoteWrite2, .otlp]

    init(packaging: Packaging, shard: Shard?) {
        self.packaging = packaging
        self.shard = shard
    }

    /// Nil if a later agent wrote it, with what this one does not know.
    init?(_ number: UInt32) {
        let bytes = withUnsafeBytes(of: number.littleEndian) { Array($0) }
        guard let coding = RequestCoding(rawValue: bytes[1]), Int(bytes[0]) < Self.protocols.count else { return nil }
        packaging = Packaging(metricsProtocol: Self.protocols[Int(bytes[0])], coding: coding)
        shard = bytes[2] < bytes[3] ? Shard(Int(bytes[2]), of: Int(bytes[3])) : nil
    }

    var number: UInt32 {
        let index = Self.protocols.firstIndex(of: packaging.metricsProtocol) ?? 0
        var number = UInt32(index) | UInt32(packaging.coding.rawValue) << 8
        if let shard, shard.count <= Int(UInt8.max) {
            number |= UInt32(shard.index) << 16 | UInt32(shard.count) << 24
        }
        return number
    }
}
