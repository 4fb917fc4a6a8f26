/// A record as it was read back.
public struct SpoolRecord: Sendable, Equatable {
    /// Its place in the order of all records of the spool, from 1 on; never used twice.
    public let sequence: UInt64
    /// What the writer counted in it, such as samples.
    public let items: UInt32
    /// What the writer said of the payload's form; the spool does not look at it.
    public let kind: UInt32
    public let payload: [UInt8]
}
