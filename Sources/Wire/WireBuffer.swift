/// A growable run of bytes with one owner: what every encoder of this module writes into.
///
/// It grows by doubling and keeps its memory when emptied, so that an encoder that is used again allocates nothing.
public struct WireBuffer: ~Copyable {
    /// Start of the memory, or nil while nothing was ever reserved.
    private var base: UnsafeMutableRawPointer?

    /// Bytes written so far.
    public private(set) var count = 0

    /// Bytes that fit without growing.
    public private(set) var capacity = 0

    public init(capacity: Int = 0) {
        if capacity > 0 { reserve(capacity) }
    }

    deinit { base?.deallocate() }

    /// What was written, valid while the buffer is neither changed nor gone.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            _overrideLifetime(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: base, count: count)), borrowing: self)
        }
    }

    /// Forgets the bytes and keeps the memory, unless that is more than `limit` bytes: one large request must not stay
    /// resident for ever.
    public mutating func removeAll(keepingAtMost limit: Int = .max) {
        count = 0
        if capacity > limit {
            base?.deallocate()
            base = nil
            capacity = 0
        }
    }

    public mutating func append(_ byte: UInt8) {
        reserve(1).storeBytes(of: byte, as: UInt8.self)
        count += 1
    }

    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    public mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends the UTF-8 of `text`.
    public mutating func append(_ text: String) {
        let span = text.utf8.span
        span.withUnsafeBytes { append($0) }
    }

    /// Appends what is in `other`.
    public mutating func append(_ other: borrowing WireBuffer) {
        if let source = other.base { append(UnsafeRawBufferPointer(start: source, count: other.count)) }
    }

    /// Copies the bytes to `target`, which has room for `count`.
    @inline(__always)
    func copy(to target: UnsafeMutableRawPointer) {
        if let base { target.copyMemory(from: base, byteCount: count) }
    }

    /// Bytes that `copyShort` may touch behind the last one.
    static let shortCopy = 64

    /// The same where there is room for `shortCopy` bytes more, after `zeroAfterEnd`: few bytes are copied without asking how
    /// many they are.
    @inline(__always)
    func copyShort(to target: UnsafeMutableRawPointer) {
        guard let base else { return }
        if count > Self.shortCopy { return target.copyMemory(from: base, byteCount: count) }
        for offset in stride(from: 0, to: Self.shortCopy, by: 16) {
            let part = base.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self)
            target.storeBytes(of: part, toByteOffset: offset, as: SIMD16<UInt8>.self)
        }
    }

    /// Makes `size` bytes after the end 0, without appending them.
    mutating func zeroAfterEnd(_ size: Int) {
        reserve(size).initializeMemory(as: UInt8.self, repeating: 0, count: size)
    }

    /// Appends `value` as a base 128 varint (protobuf encoding, "Base 128 Varints").
    public mutating func appendVarint(_ value: UInt64) {
        // Most lengths are below 128.
        if value < 0x80 {
            append(UInt8(truncatingIfNeeded: value))
            return
        }
        let target = reserve(10)
        var rest = value
        var length = 0
        while rest >= 0x80 {
            target.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: length, as: UInt8.self)
            rest >>= 7
            length += 1
        }
        target.storeBytes(of: UInt8(rest), toByteOffset: length, as: UInt8.self)
        count += length + 1
    }

    /// Appends eight bytes, least significant first (protobuf wire type I64).
    public mutating func appendFixed64(_ value: UInt64) {
        reserve(8).storeBytes(of: value.littleEndian, as: UInt64.self)
        count += 8
    }

    /// Appends a decimal number.
    public mutating func appendDecimal(_ value: Int64) {
        let target = reserve(20)
        var rest = value.magnitude
        var length = value < 0 ? 1 : 0
        repeat {
            rest /= 10
            length += 1
        } while rest > 0
        rest = value.magnitude
        var position = length
        repeat {
            position -= 1
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            target.storeBytes(of: UInt8(ascii: "0") + UInt8(digit), toByteOffset: position, as: UInt8.self)
            rest = quotient
        } while rest > 0
        if value < 0 { target.storeBytes(of: UInt8(ascii: "-"), as: UInt8.self) }
        count += length
    }

    /// Lets `body` write up to `size` bytes after the end; it returns how many it wrote.
    mutating func appendUpTo<Failure: Error>(
        _ size: Int, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        let written = try body(UnsafeMutableRawBufferPointer(start: reserve(size), count: size))
        precondition(written >= 0 && written <= size, "wrote \(written) bytes into room for \(size)")
        count += written
    }

    /// Makes room for `size` bytes after the end, for one who writes them there and then says so with `advance`.
    @inline(__always)
    mutating func room(_ size: Int) -> UnsafeMutableRawPointer { reserve(size) }

    /// `written` bytes after the end are written. They must fit in what `room` made.
    @inline(__always)
    mutating func advance(_ written: Int) {
        assert(written >= 0 && written <= capacity - count, "wrote \(written) bytes into \(capacity - count)")
        count += written
    }

    /// Has `body` write `size` bytes anew that were appended before; false if there are none.
    mutating func overwrite(at position: Int, _ size: Int, _ body: (UnsafeMutableRawPointer) -> Void) -> Bool {
        guard let base, position >= 0, size >= 0, position <= count - size else { return false }
        body(base + position)
        return true
    }

    /// Appends a length that is not known yet, four bytes long; `closeLength` fills it in. Returns its position.
    mutating func openLength() -> Int {
        let position = count
        advance(4, from: room(4))
        return position
    }

    /// What was appended after the length at `position` is what it counts. A varint may have more bytes than it needs
    /// (protobuf.dev/programming-guides/encoding: the last of them has no continuation bit); four bytes hold 256 MiB.
    mutating func closeLength(_ position: Int) {
        let length = count - position - 4
        precondition(length >= 0 && length < 1 << 28 && position >= 0, "a message of \(length) bytes")
        guard let base else { return }
        for index in 0..<4 {
            let bits = UInt8(truncatingIfNeeded: length >> (7 * index)) & 0x7F
            base.storeBytes(of: index < 3 ? bits | 0x80 : bits, toByteOffset: position + index, as: UInt8.self)
        }
    }

    private mutating func advance(_ size: Int, from start: UnsafeMutableRawPointer) {
        start.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        count += size
    }

    /// Makes room for `more` bytes after the end and returns where they start.
    @discardableResult
    private mutating func reserve(_ more: Int) -> UnsafeMutableRawPointer {
        if let base, capacity - count >= more { return base + count }
        return grow(more)
    }

    @inline(never)
    private mutating func grow(_ more: Int) -> UnsafeMutableRawPointer {
        let size = max(count + more, capacity * 2, 256)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        if let base {
            larger.copyMemory(from: base, byteCount: count)
            base.deallocate()
        }
        base = larger
        capacity = size
        return larger + count
    }
}

// The memory has one owner, which is this value: it moves between threads only with the value itself.
extension WireBuffer: @unchecked Sendable {}
