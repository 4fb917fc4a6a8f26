import CMemory
import Glibc

/// What the readers of this module ask of single bytes and of runs of them.
extension UInt8 {
    /// The white space of ASCII.
    @inline(__always) var isBlank: Bool { self == 0x20 || (self >= 0x09 && self <= 0x0D) }

    @inline(__always) var isDigit: Bool { self &- UInt8(ascii: "0") < 10 }

    /// Upper-case letters of ASCII become lower-case ones; no other byte becomes a letter.
    @inline(__always) var lowered: UInt8 { self &- UInt8(ascii: "A") < 26 ? self | 0x20 : self }

    @inline(__always) var isLetter: Bool { (self | 0x20) &- UInt8(ascii: "a") < 26 }

    /// Letters, digits and what may stand between them in a pattern's word.
    @inline(__always) var isPlain: Bool {
        isLetter || isDigit || self == UInt8(ascii: ".") || self == UInt8(ascii: "-") || self == UInt8(ascii: "_")
    }

    /// The value of a hexadecimal digit, nil for any other byte.
    @inline(__always) var hexValue: UInt8? {
        if isDigit { return self &- UInt8(ascii: "0") }
        let letter = (self | 0x20) &- UInt8(ascii: "a")
        return letter < 6 ? letter + 10 : nil
    }
}

extension Span<UInt8> {
    /// Whether it begins with `prefix`.
    @inline(__always) func starts(with prefix: StaticString) -> Bool {
        starts(with: prefix, at: 0)
    }

    /// Whether `text` stands at `position`.
    @inline(__always) func starts(with text: StaticString, at position: Int) -> Bool {
        let length = text.utf8CodeUnitCount
        guard position >= 0, count - position >= length else { return false }
        // As many bytes are there; a comparison of so few is made in place.
        return withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return length == 0 }
            return memcmp(base + position, text.utf8Start, length) == 0
        }
    }

    /// Whether it is `text`.
    @inline(__always) func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && starts(with: text, at: 0)
    }

    /// Whether it is `text`, which is lower-case, without regard to the case of ASCII letters.
    func equalsLowered(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        for index in 0..<count where self[index].lowered != text.utf8Start[index] { return false }
        return true
    }

    /// The first place of `byte`, from `start` on.
    @inline(__always) func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        guard start < count else { return nil }
        return withUnsafeBufferPointer { bytes in
            // Not empty: there is a first byte.
            guard let base = bytes.baseAddress, let found = memchr(base + start, Int32(byte), bytes.count - start)
            else {
                return nil
            }
            return UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
    }

    /// The first place, from `start` on, of what ends a run of characters in a JSON string: a quote, a backslash, or a control
    /// character; its length if there is none.
    @inline(__always) func firstIndexOfStringEnd(from start: Int) -> Int {
        guard start < count else { return count }
        return withUnsafeBufferPointer { bytes in
            // Not empty: there is a first byte.
            guard let base = bytes.baseAddress else { return 0 }
            return start + martlet_string_end(base + start, bytes.count - start)
        }
    }

    /// Marks of the `length` bytes from `start` on, which are there; 64 at most.
    @inline(__always) func levelMarks(from start: Int, _ length: Int) -> martlet_level_marks {
        withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return martlet_level_marks() }
            return martlet_mark_level(base + start, length, start)
        }
    }

    /// Marks of the `length` bytes from `start` on, which are there; 64 at most.
    @inline(__always) func wordMarks(from start: Int, _ length: Int) -> martlet_word_marks {
        withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return martlet_word_marks() }
            return martlet_mark_words(base + start, length, start)
        }
    }

    /// The eight bytes at `position`, which are there, the first one lowest.
    @inline(__always) func word(at position: Int) -> UInt64 {
        precondition(position >= 0 && count - position >= 8)
        // Eight bytes are there, and any eight bytes are a number.
        return UInt64(
            littleEndian: unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self))
    }

    /// Whether both are the same bytes.
    @inline(__always) func equals(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        return withUnsafeBufferPointer { mine in
            other.withUnsafeBufferPointer { theirs in
                guard let mine = mine.baseAddress, let theirs = theirs.baseAddress else { return true }
                return memcmp(mine, theirs, count) == 0
            }
        }
    }

    /// The largest length up to `limit` that does not cut a character of UTF-8.
    func length(cutAt limit: Int) -> Int {
        guard count > limit else { return count }
        var length = limit
        while length > 0, self[length] & 0xC0 == 0x80 { length -= 1 }
        return length
    }
}
