/// The header of a frame of CQL native protocol v5 (doc/native_protocol_v5.spec, section 2): lengths, a flag, and a CRC-24 of
/// them.
struct CassandraFrame {
    /// Bytes of the header: 6, or 8 with compression.
    let header: Int
    /// Bytes of the payload as it is sent.
    let payload: Int
    /// Bytes of the payload when it is unpacked.
    let unpacked: Int
    let isCompressed: Bool
    /// Whether envelopes begin and end in it.
    let isSelfContained: Bool

    /// With header and the CRC-32 behind the payload.
    var length: Int { header + payload + 4 }

    /// Nil if `bytes` do not begin with one.
    init?(_ bytes: RawSpan) {
        if bytes.byteCount >= 6, Self.checksum(bytes, 3) == bytes.little24(3) {
            let bits = bytes.little24(0)
            guard bits >> 18 == 0 else { return nil }
            (header, payload) = (6, Int(bits & 0x1_FFFF))
            (unpacked, isCompressed, isSelfContained) = (payload, false, bits & 0x2_0000 != 0)
            return
        }
        guard bytes.byteCount >= 8, Self.checksum(bytes, 5) == bytes.little24(5) else { return nil }
        let bits = UInt64(bytes.little32(0)) | UInt64(bytes.byte(4)) << 32
        guard bits >> 35 == 0 else { return nil }
        let size = Int(bits >> 17 & 0x1_FFFF)
        (header, payload, isSelfContained) = (8, Int(bits & 0x1_FFFF), bits & 1 << 34 != 0)
        // 0: it was not worth it.
        isCompressed = size > 0
        unpacked = size > 0 ? size : payload
    }

    /// CRC-24 with the polynomial 0x1974F0B and the start 0x875060.
    private static func checksum(_ bytes: RawSpan, _ count: Int) -> UInt32 {
        var value: UInt32 = 0x87_5060
        for index in 0..<count {
            value ^= UInt32(bytes.byte(index)) << 16
            for _ in 0..<8 {
                value <<= 1
                if value & 0x100_0000 != 0 { value ^= 0x197_4F0B }
            }
        }
        return value
    }
}
