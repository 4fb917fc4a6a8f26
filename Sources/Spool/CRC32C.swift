/// The Castagnoli checksum (RFC 3720, appendix B.4): polynomial 0x1EDC6F41, reflected, start and end inverted.
struct CRC32C {
    /// Eight tables, so that eight bytes are folded in a step.
    private static let tables: [[UInt32]] = {
        let first = (0..<256).map { index -> UInt32 in
            var value = UInt32(index)
            for _ in 0..<8 { value = value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82F6_3B78 }
            return value
        }
        var tables = [first]
        for table in 1..<8 {
            tables.append(tables[table - 1].map { $0 >> 8 ^ first[Int($0 & 255)] })
        }
        return tables
    }()

    private var state: UInt32 = .max

    /// The checksum of what was added so far.
    var value: UInt32 { ~state }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        let tables = Self.tables
        var position = 0
        while position + 8 <= bytes.count {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            let low = UInt32(truncatingIfNeeded: word) ^ state
            let high = UInt32(truncatingIfNeeded: word >> 32)
            state =
                tables[7][Int(low & 255)] ^ tables[6][Int(low >> 8 & 255)] ^ tables[5][Int(low >> 16 & 255)]
                ^ tables[4][Int(low >> 24)] ^ tables[3][Int(high & 255)] ^ tables[2][Int(high >> 8 & 255)]
                ^ tables[1][Int(high >> 16 & 255)] ^ tables[0][Int(high >> 24)]
            position += 8
        }
        while position < bytes.count {
            state = state >> 8 ^ tables[0][Int((state ^ UInt32(bytes[position])) & 255)]
            position += 1
        }
    }
}
