import Wire

/// What a record of the spool says of the request in it, in 32 bits: protocol, compression, shard, shards (docs/spool.md).
struct RecordKind: Equatable, Sendable {
    let packaging: Packaging
    let shard: Shard?

    init(packaging: Packaging, shard: Shard?) {
        self.packaging = packaging
        self.shard = shard
    }

    /// Nil if a later agent wrote it, with what this one does not know.
    init?(_ number: UInt32) {
        let bytes = withUnsafeBytes(of: number.littleEndian) { Array($0) }
        guard let format = RequestFormat(rawValue: bytes[0]), let coding = RequestCoding(rawValue: bytes[1]) else {
            return nil
        }
        packaging = Packaging(format: format, coding: coding)
        shard = bytes[2] < bytes[3] ? Shard(Int(bytes[2]), of: Int(bytes[3])) : nil
    }

    var number: UInt32 {
        var number = UInt32(packaging.format.rawValue) | UInt32(packaging.coding.rawValue) << 8
        if let shard, shard.count <= Int(UInt8.max) {
            number |= UInt32(shard.index) << 16 | UInt32(shard.count) << 24
        }
        return number
    }
}
