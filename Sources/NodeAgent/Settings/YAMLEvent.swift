/// A step through a YAML document.
struct YAMLEvent: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// `isPlain` tells a bare word from a quoted or block text.
        case scalar(String, isPlain: Bool)
        case sequenceStart
        case sequenceEnd
        case mappingStart
        case mappingEnd
    }

    let kind: Kind
    /// Where it starts, counted from 1.
    let line: Int
}
