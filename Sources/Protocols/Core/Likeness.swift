/// How much the first bytes of one side look like a protocol.
public enum Likeness: Int, Comparable, Sendable {
    /// They are something else.
    case no
    /// More bytes, or the other side's, have to say.
    case maybe
    /// Nothing else begins so.
    case certain

    public static func < (left: Likeness, right: Likeness) -> Bool { left.rawValue < right.rawValue }
}
