extension PatternWords {
    /// The word that is being read, behind those that are kept.
    struct Word {
        private var start = 0
        private var end = 0
        // What was seen in it: most words are letters only and need no second look.
        private var seen: UInt8 = 0

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
