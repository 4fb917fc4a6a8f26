/// What kind of byte each is in the words of a pattern: one look instead of several comparisons.
enum WordClasses {
    /// A letter of hexadecimal digits, another letter, a digit, and `.`, `-`, `_`: what a word may have (`UInt8.isPlain`).
    static let hexadecimal: UInt8 = 1
    static let letter: UInt8 = 2
    static let digit: UInt8 = 4
    static let mark: UInt8 = 8
    /// Anything else; 0 in the table.
    static let other: UInt8 = 16

    /// One of the above for each byte.
    static let table: [UInt8] = (UInt8.min...UInt8.max).map { byte in
        if byte.isDigit { return digit }
        if byte.isLetter { return byte.hexValue == nil ? letter : hexadecimal }
        return byte.isPlain ? mark : 0
    }
}
