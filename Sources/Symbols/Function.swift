/// A function of an ELF file.
public struct Function: Sendable, Hashable {
    public var name: String
    /// Virtual address, as in the file.
    public var address: UInt64
    /// Bytes; 0 where the file does not say.
    public var size: UInt64

    public init(name: String, address: UInt64, size: UInt64) {
        self.name = name
        self.address = address
        self.size = size
    }
}
