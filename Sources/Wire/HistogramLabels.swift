import Glibc

/// What the label set of a part of a histogram says: whose part it is, and of a bucket its upper bound.
///
/// The bytes are those that a label set keeps, or a scratch buffer's; whoever holds this holds the set as well, and leaves the
/// buffer as it is.
struct HistogramLabels {
    /// `attributes` fields without `le`.
    let attributes: UnsafeRawBufferPointer
    /// Infinite where there is no `le`.
    let bound: Double

    /// - Parameter bytes: as `OTLPEncoder` keeps them.
    init(_ bytes: UnsafeRawBufferPointer, split: Int, weight: Int) {
        attributes = UnsafeRawBufferPointer(start: bytes.baseAddress, count: split)
        guard weight == 8 else {
            bound = .infinity
            return
        }
        let number = bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self)
        bound = Double(bitPattern: UInt64(littleEndian: number))
    }

    /// Whether both are of one histogram.
    func isSame(as other: HistogramLabels) -> Bool {
        guard attributes.count == other.attributes.count else { return false }
        guard let one = attributes.baseAddress, let another = other.attributes.baseAddress else { return true }
        return memcmp(one, another, attributes.count) == 0
    }

    /// Equal for parts of one histogram, during one life of the process.
    var hash: UInt64 {
        var hash = UInt64(attributes.count)
        var place = 0
        while place + 8 <= attributes.count {
            hash = Self.mix(hash, attributes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            place += 8
        }
        while place < attributes.count {
            hash = Self.mix(hash, UInt64(attributes[place]))
            place += 1
        }
        return hash
    }

    private static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }
}
