/// The message `Sample` of remote write (value 1, timestamp 2), which is the same for all series of a snapshot but for the
/// value. It is made once and then written with three stores.
struct SampleTemplate: Sendable {
    /// Most bytes that `write` touches, of which `count` are the field.
    static let room = 32

    /// Bytes of the field with tag and length, at most 22.
    let count: Int
    private let head: UInt32
    private let time: (UInt64, UInt64)

    /// - Parameter field: the number of the field `samples` in its `TimeSeries`.
    init(timestamp: Int64, field: UInt8 = 2) {
        let number = UInt64(bitPattern: timestamp)
        let length = 9 + 1 + Protobuf.varintSize(number)
        count = 2 + length
        // In memory order: tag, length, tag of the value.
        head =
            (UInt32(Protobuf.tag(field, .lengthDelimited)) | UInt32(length) << 8
            | UInt32(Protobuf.tag(1, .fixed64)) << 16).littleEndian
        var words = (UInt64(0), UInt64(0))
        withUnsafeMutableBytes(of: &words) { bytes in
            guard let start = bytes.baseAddress else { return }
            start.storeBytes(of: Protobuf.tag(2, .varint), as: UInt8.self)
            _ = Protobuf.writeVarint(number, at: start + 1)
        }
        time = words
    }

    /// Writes the field at `target`, which has `room` bytes.
    @inline(__always)
    func write(_ value: Double, at target: UnsafeMutableRawPointer) {
        target.storeBytes(of: head, as: UInt32.self)
        target.storeBytes(of: value.bitPattern.littleEndian, toByteOffset: 3, as: UInt64.self)
        target.storeBytes(of: time.0, toByteOffset: 11, as: UInt64.self)
        target.storeBytes(of: time.1, toByteOffset: 19, as: UInt64.self)
    }
}
