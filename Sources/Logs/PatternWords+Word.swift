import CMemory

extension PatternWords {
    /// The word that is being read, behind those that are kept.
    struct Word {
        private var start = 0
        private var end = 0
        // What was seen in it: most words are letters only and need no second look.
        private var seen: UInt8 = 0

        /// Takes a whole word of ASCII without quotes and brackets: the bytes that `range` has in the window at `window`. If it is one
        /// to keep, it returns its end, and a blank follows there. Nothing was appended to it before.
        @inline(__always)
        mutating func take(
            _ text: Span<UInt8>, at window: Int, _ range: Range<Int>, _ marks: martlet_word_marks,
            to target: inout MutableSpan<UInt8>
        ) -> Int? {
            // A window has 64 bytes, and the word's end is one of them.
            var bits: UInt64 = (1 << UInt64(range.upperBound) &- 1) & ~(1 << UInt64(range.lowerBound) &- 1)
            guard range.count >= 2, marks.letters & bits != 0 else { return nil }
            let first = window + range.lowerBound
            if bits & (~marks.plain | marks.digits) == 0 {
                if range.count >= 4, bits & ~marks.hexadecimals == 0 { return nil }
                guard marks.letters >> UInt64(range.lowerBound) & 1 == 1,
                    marks.letters >> UInt64(range.upperBound - 1) & 1 == 1
                else { return nil }
                copy(text, first, range.count, to: &target)
                return keep(start + range.count, &target)
            }
            // As `reduce` does.
            var last = range.upperBound
            while last > range.lowerBound, Self.isTrailing(text[window + last - 1]) {
                last -= 1
                bits &= ~(1 << UInt64(last))
            }
            guard last - range.lowerBound >= 2, bits & ~marks.plain == 0,
                !Self.isNumber(
                    text, first, last - range.lowerBound, (bits & ~marks.hexadecimals) >> UInt64(range.lowerBound))
            else { return nil }
            // Run by run between its digits.
            var length = start
            var rest = bits & ~marks.digits
            while rest != 0 {
                let begin = rest.trailingZeroBitCount
                let count = (~rest >> UInt64(begin)).trailingZeroBitCount
                copy(text, window + begin, count, to: &target, at: length)
                length += count
                rest &= ~0 << UInt64(begin + count)
            }
            guard length - start >= 2, target[start].isLetter, target[length - 1].isLetter else { return nil }
            return keep(length, &target)
        }

        /// Copies `count` bytes from `first` on to `place`, or to where this word begins.
        @inline(__always)
        private func copy(
            _ text: Span<UInt8>, _ first: Int, _ count: Int, to target: inout MutableSpan<UInt8>, at place: Int? = nil
        ) {
            let place = place ?? start
            precondition(first + count <= text.count && place + count <= target.count)
            text.withUnsafeBufferPointer { text in
                target.withUnsafeMutableBufferPointer { target in
                    for offset in 0..<count { target[place &+ offset] = text[first &+ offset] }
                }
            }
        }

        /// Keeps the bytes up to `end`, and a blank behind them.
        @inline(__always)
        private mutating func keep(_ end: Int, _ target: inout MutableSpan<UInt8>) -> Int {
            target[end] = UInt8(ascii: " ")
            start = end + 1
            self.end = start
            return end
        }

        /// Whether `length` bytes from `first` on are a number as below; of `others` each bit is a byte that is no hexadecimal digit.
        @inline(__always)
        private static func isNumber(_ text: Span<UInt8>, _ first: Int, _ length: Int, _ others: UInt64) -> Bool {
            if others == 0 { return length >= 4 }
            if length > 2, text[first] == UInt8(ascii: "0"), text[first + 1] == UInt8(ascii: "x") { return others == 2 }
            guard length == 36, others == 1 << 8 | 1 << 13 | 1 << 18 | 1 << 23 else { return false }
            let hyphen = UInt8(ascii: "-")
            return text[first + 8] == hyphen && text[first + 13] == hyphen && text[first + 18] == hyphen
                && text[first + 23] == hyphen
        }

        /// Appends the plain bytes at `start` and returns where they end.
        @inline(__always)
        mutating func append(
            run text: Span<UInt8>, from start: Int, _ classes: Span<UInt8>,
            to target: inout MutableSpan<UInt8>
        ) -> Int {
            var (index, end, seen) = (start, end, seen)
            while index < text.count {
                let byte = text[index]
                let kind = classes[Int(byte)]
                if kind == 0 { break }
                target[end] = byte
                seen |= kind
                end += 1
                index += 1
            }
            (self.end, self.seen) = (end, seen)
            return index
        }

        /// Appends a byte that no word is left with.
        @inline(__always)
        mutating func append(_ byte: UInt8, to target: inout MutableSpan<UInt8>) {
            target[end] = byte
            end += 1
            seen |= WordClasses.other
        }

        /// Ends the word. If it is one to keep, it returns its end, and a blank follows there.
        @inline(__always)
        mutating func finish(_ target: inout MutableSpan<UInt8>) -> Int? {
            defer {
                end = start
                seen = 0
            }
            if end - start < 2 { return nil }
            if seen & (WordClasses.other | WordClasses.digit) != 0 {
                guard reduce(&target) else { return nil }
            } else if seen == WordClasses.hexadecimal, end - start >= 4 {
                return nil
            }
            guard target[start].isLetter, target[end - 1].isLetter else { return nil }
            target[end] = UInt8(ascii: " ")
            start = end + 1
            return end
        }

        /// Takes away what ends a word and digits. False if it is a number, or if something is left that no word has.
        private mutating func reduce(_ target: inout MutableSpan<UInt8>) -> Bool {
            while end > start, Self.isTrailing(target[end - 1]) { end -= 1 }
            guard end - start >= 2, !isNumber(target.span) else { return false }
            var length = start
            for index in start..<end where !target[index].isDigit {
                guard target[index].isPlain else { return false }
                target[length] = target[index]
                length += 1
            }
            end = length
            return end - start >= 2
        }

        private static func isTrailing(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: "]"), UInt8(ascii: ","), UInt8(ascii: ";"): true
            default: false
            }
        }

        /// `0x…`, four and more hexadecimal digits, or a UUID.
        private func isNumber(_ bytes: Span<UInt8>) -> Bool {
            var first = start
            let hasPrefix =
                end - start > 2 && bytes[start] == UInt8(ascii: "0") && bytes[start + 1] == UInt8(ascii: "x")
            if hasPrefix { first += 2 }
            var hyphens = 0
            for index in first..<end where bytes[index].hexValue == nil {
                guard bytes[index] == UInt8(ascii: "-"), end - start == 36, !hasPrefix else { return false }
                switch index - start {
                case 8, 13, 18, 23: hyphens += 1
                default: return false
                }
            }
            return hasPrefix || (end - start >= 4 && (hyphens == 0 || hyphens == 4))
        }
    }
}
