/// The first bytes of a file in short, by which it is known again: a file that was emptied and written anew has others, a copy
/// has the same.
struct Fingerprint: Equatable {
    static let longest = 1024

    /// Of how many bytes.
    let length: Int
    let hash: UInt64

    static let empty = Fingerprint(length: 0, hash: 0)

    init(length: Int, hash: UInt64) { (self.length, self.hash) = (length, hash) }

    /// Of the first bytes of `head`, `longest` at most. Multiplies and folds, eight bytes at a time: others choose the bytes, and
    /// whoever writes a log may deceive the reader of that log only.
    init(_ head: UnsafeRawBufferPointer) {
        length = min(head.count, Self.longest)
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(length)
        var position = 0
        func mix(_ value: UInt64) {
            let product = (hash ^ value).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
            hash = product.high ^ product.low
        }
        while position + 8 <= length {
            mix(head.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            position += 8
        }
        while position < length {
            mix(UInt64(head[position]) &+ 0x100)
            position += 1
        }
        self.hash = hash
    }
}
