/// What is known of a line beside its text.
public struct LineOrigin: Sendable, Equatable {
    /// Nanoseconds since the Unix epoch; 0 if the source does not say.
    public var time: UInt64
    public var stream: LogStream
    /// The source's own word, used where the text says nothing.
    public var level: LogLevel

    public init(time: UInt64 = 0, stream: LogStream = .unknown, level: LogLevel = .unknown) {
        self.time = time
        self.stream = stream
        self.level = level
    }
}
