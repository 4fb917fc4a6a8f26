/// Port ranges as `--ephemeral-port-range` takes them: `32768-60999`, several separated by spaces or commas.
public struct PortRanges: Hashable, Sendable {
    private let ranges: [ClosedRange<UInt16>]

    /// No range at all.
    public static let none = PortRanges([])

    private init(_ ranges: [ClosedRange<UInt16>]) { self.ranges = ranges }

    /// Nil if `text` is neither empty (no range at all) nor a list of ranges `FIRST-LAST` in ascending order.
    public init?(_ text: String) {
        var ranges: [ClosedRange<UInt16>] = []
        for part in text.split(whereSeparator: { $0 == " " || $0 == "," }) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count == 2, let first = UInt16(ends[0]), let last = UInt16(ends[1]), first <= last else {
                return nil
            }
            ranges.append(first...last)
        }
        self.ranges = ranges
    }

    public func contains(_ port: UInt16) -> Bool { ranges.contains { $0.contains(port) } }
}
