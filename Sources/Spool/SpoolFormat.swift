/// The bytes of segments and of the acknowledgement file; docs/spool.md describes them. All numbers are little-endian.
enum SpoolFormat {
    static let magic = Array("MARTLSPL".utf8)
    static let version: UInt32 = 1
    /// magic 8, version 4, checksum 4, first sequence 8.
    static let headerSize = 24
    /// length 4, checksum 4, sequence 8, items 4, kind 4.
    static let recordHeaderSize = 24
    /// checksum 4, zero 4, generation 8, sequence 8.
    static let acknowledgementSize = 24

    struct RecordHeader {
        let length: Int
        let checksum: UInt32
        let sequence: UInt64
        let items: UInt32
        let kind: UInt32
    }

    static func segmentHeader(first: UInt64) -> [UInt8] {
        var bytes = magic + number(version)
        bytes += number(checksum(bytes + number(first)))
        return bytes + number(first)
    }

    /// The first sequence; nil for anything but a whole header of this version.
    static func first(ofSegment bytes: UnsafeRawBufferPointer) -> UInt64? {
        guard bytes.count >= headerSize else { return nil }
        let first: UInt64 = load(bytes, 16)
        return bytes[..<headerSize].elementsEqual(segmentHeader(first: first)) ? first : nil
    }

    /// Whether `bytes` are what a power failure leaves of a header that was just written: parts of it, and zeros.
    static func isUnfinishedHeader(_ bytes: [UInt8], first: UInt64) -> Bool {
        bytes.count <= headerSize && zip(bytes, segmentHeader(first: first)).allSatisfy { $0 == 0 || $0 == $1 }
    }

    /// Header and payload in one run of bytes.
    static func record(sequence: UInt64, items: UInt32, kind: UInt32, _ payload: UnsafeRawBufferPointer) -> [UInt8] {
        let rest = number(sequence) + number(items) + number(kind)
        var crc = CRC32C()
        let length = number(UInt32(payload.count))
        length.withUnsafeBytes { crc.add($0) }
        rest.withUnsafeBytes { crc.add($0) }
        crc.add(payload)
        var bytes = [UInt8]()
        bytes.reserveCapacity(recordHeaderSize + payload.count)
        bytes += length
        bytes += number(crc.value)
        bytes += rest
        bytes += payload
        return bytes
    }

    static func recordHeader(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) -> RecordHeader? {
        guard bytes.count >= offset + recordHeaderSize else { return nil }
        return RecordHeader(
            length: Int(load(bytes, offset) as UInt32), checksum: load(bytes, offset + 4),
            sequence: load(bytes, offset + 8), items: load(bytes, offset + 16), kind: load(bytes, offset + 20))
    }

    /// Whether the record at `offset`, header and payload, is what was written.
    static func isIntact(_ bytes: UnsafeRawBufferPointer, at offset: Int, _ header: RecordHeader) -> Bool {
        let end = offset + recordHeaderSize + header.length
        guard end <= bytes.count else { return false }
        var crc = CRC32C()
        crc.add(UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + 4)]))
        crc.add(UnsafeRawBufferPointer(rebasing: bytes[(offset + 8)..<(offset + recordHeaderSize)]))
        crc.add(UnsafeRawBufferPointer(rebasing: bytes[(offset + recordHeaderSize)..<end]))
        return crc.value == header.checksum
    }

    static func acknowledgement(generation: UInt64, sequence: UInt64) -> [UInt8] {
        let rest = number(UInt32(0)) + number(generation) + number(sequence)
        return number(checksum(rest)) + rest
    }

    static func acknowledgement(_ bytes: UnsafeRawBufferPointer) -> (generation: UInt64, sequence: UInt64)? {
        guard bytes.count >= acknowledgementSize else { return nil }
        let (generation, sequence): (UInt64, UInt64) = (load(bytes, 8), load(bytes, 16))
        let expected = acknowledgement(generation: generation, sequence: sequence)
        // A hole of zeros is no acknowledgement.
        return generation > 0 && bytes[..<acknowledgementSize].elementsEqual(expected) ? (generation, sequence) : nil
    }

    /// `00000000000000000042.seg`: in the order of the names.
    static func name(first: UInt64) -> String {
        let digits = String(first)
        return String(repeating: "0", count: 20 - digits.utf8.count) + digits + ".seg"
    }

    static func first(ofName name: String) -> UInt64? {
        guard name.utf8.count == 24, name.hasSuffix(".seg") else { return nil }
        return UInt64(name.dropLast(4))
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var crc = CRC32C()
        bytes.withUnsafeBytes { crc.add($0) }
        return crc.value
    }

    private static func number<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    private static func load<Number: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: UnsafeRawBufferPointer, _ offset: Int
    ) -> Number {
        Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
}
