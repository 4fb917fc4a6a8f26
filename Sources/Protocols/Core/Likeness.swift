/// How much the first bytes of one side look like a protocol.
public enum Likeness: Int, Comparable, Sendable {
    /// They are something else.
    case no
    /// There are too few bytes to say anything: for themselves they are no reason to take it for this protocol.
    case partial
    /// They fit, as bytes of something else may: the other side's have to say.
    case maybe
    /// Nothing else begins so.
    case certain

    public static func < (left: Likeness, right: Likeness) -> Bool { left.rawValue < right.rawValue }
}
