internal import Glibc

/// Reads that cannot trap: what lies outside is 0, empty or nil, so that lengths from the wire need no checks of their own
/// before they are used as offsets. Whoever needs to tell 0 from "not there" compares with `byteCount`.
extension RawSpan {
    @inline(__always)
    func byte(_ offset: Int) -> UInt8 {
        guard offset >= 0, offset < byteCount else { return 0 }
        return unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    @inline(__always)
    private func load<Integer: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: Integer.Type) -> Integer {
        guard offset >= 0, offset <= byteCount - Integer.bitWidth / 8 else { return 0 }
        return unsafeLoadUnaligned(fromByteOffset: offset, as: Integer.self)
    }

    @inline(__always) func big16(_ offset: Int) -> UInt16 { UInt16(bigEndian: load(offset, UInt16.self)) }
    @inline(__always) func big32(_ offset: Int) -> UInt32 { UInt32(bigEndian: load(offset, UInt32.self)) }
    @inline(__always) func big64(_ offset: Int) -> UInt64 { UInt64(bigEndian: load(offset, UInt64.self)) }
    @inline(__always) func little16(_ offset: Int) -> UInt16 { UInt16(littleEndian: load(offset, UInt16.self)) }
    @inline(__always) func little32(_ offset: Int) -> UInt32 { UInt32(littleEndian: load(offset, UInt32.self)) }
    @inline(__always) func little64(_ offset: Int) -> UInt64 { UInt64(littleEndian: load(offset, UInt64.self)) }

    @inline(__always)
    func big24(_ offset: Int) -> UInt32 {
        UInt32(byte(offset)) << 16 | UInt32(byte(offset &+ 1)) << 8 | UInt32(byte(offset &+ 2))
    }

    @inline(__always)
    func little24(_ offset: Int) -> UInt32 {
        UInt32(byte(offset)) | UInt32(byte(offset &+ 1)) << 8 | UInt32(byte(offset &+ 2)) << 16
    }

    /// The part of `start ..< end` that is there.
    @_lifetime(copy self)
    @inline(__always)
    func part(_ start: Int, _ end: Int = .max) -> RawSpan {
        let from = Swift.min(Swift.max(start, 0), byteCount)
        return extracting(from..<Swift.min(Swift.max(end, from), byteCount))
    }

    /// Where `value` is first, from `start` and before `end`.
    @inline(__always)
    func firstIndex(of value: UInt8, from start: Int = 0, before end: Int = .max) -> Int? {
        let start = Swift.max(start, 0)
        let end = Swift.min(end, byteCount)
        if start >= end { return nil }
        return withUnsafeBytes { bytes in
            guard let first = bytes.baseAddress, let found = memchr(first + start, Int32(value), end - start) else {
                return nil
            }
            return UnsafeRawPointer(found) - first
        }
    }

    /// Whether `text` is there at `offset`, byte by byte.
    @inline(__always)
    func has(_ text: StaticString, at offset: Int = 0) -> Bool {
        let count = text.utf8CodeUnitCount
        guard offset >= 0, offset <= byteCount - count else { return false }
        for index in 0..<count where byte(offset + index) != text.utf8Start[index] { return false }
        return true
    }

    /// Whether this is `text`, letters of ASCII without their case; `text` is in upper case.
    @inline(__always)
    func isWord(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard count == byteCount else { return false }
        for index in 0..<count {
            let value = byte(index)
            let upper = value >= 0x61 && value <= 0x7A ? value & 0xDF : value
            if upper != text.utf8Start[index] { return false }
        }
        return true
    }
}
