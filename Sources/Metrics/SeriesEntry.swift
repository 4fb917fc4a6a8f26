/// What `SeriesTable` knows of one series. 48 bytes: there are a hundred thousand.
struct SeriesEntry {
    enum State: UInt8 {
        /// A slot without a series.
        case free
        case live
        /// Kept from the exporters by a limit.
        case cut
    }

    /// The table holds a reference of its own.
    var labels: Unmanaged<LabelSet>
    /// Milliseconds since the Unix epoch; 0 if not known.
    var created: Int64
    /// The last value.
    var value: Double
    /// Seconds since the table began: of the first sight, and of the last change of the value.
    var began: UInt32
    var changed: UInt32
    /// Of the snapshot that had the series last.
    var generation: UInt32
    /// Its place in the table of owners; the next free slot in a free one.
    var owner: UInt32
    var family: UInt16
    var state: State
    /// Whether the last push had it.
    var isSent: Bool
}
