/// What is known of a line beside its text.
public struct LineOrigin: Sendable, Equatable {
    /// Nanoseconds since the Unix epoch; 0 if the source does not say.
    public var time: UInt64
    public var stream: LogStream
    /// The source's own word, used where the text says nothing.
    public var level: LogLevel
    /// When it was read, nanoseconds since the Unix epoch; 0 if nobody said.
    public var readAt: UInt64 = 0
    /// Where it begins in its source; what that means is the source's matter.
    public var position: UInt64 = 0

    public init(time: UInt64 = 0, stream: LogStream = .unknown, level: LogLevel = .unknown) {
        self.time = time
        self.stream = stream
        self.level = level
    }
}
