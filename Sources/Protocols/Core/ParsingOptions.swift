/// What a conversation is read for.
public struct ParsingOptions: Sendable {
    /// Whether texts are kept: for traces, and for paths that are excluded. Without, only what metrics need (the domain names
    /// and types of DNS).
    public var wantsText: Bool
    /// Bytes that are kept of one text.
    public var textLimit: Int

    public init(wantsText: Bool = false, textLimit: Int = 1024) {
        self.wantsText = wantsText
        self.textLimit = textLimit
    }
}
