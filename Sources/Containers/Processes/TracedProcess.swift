/// A process of a container that has TCP connections, or is listened to.
public struct TracedProcess: Sendable, Hashable {
    public let pid: UInt32
    /// CLOCK_BOOTTIME: with the number it names the process.
    public let start: UInt64
    /// Whether its container listens.
    public let isListening: Bool

    public init(pid: UInt32, start: UInt64, isListening: Bool) {
        self.pid = pid
        self.start = start
        self.isListening = isListening
    }
}
