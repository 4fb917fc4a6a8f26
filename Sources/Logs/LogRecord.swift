/// A message on its way to its exporter, borrowed: nothing of it may be kept after the call that shows it.
///
/// Its text is valid UTF-8. What a JSON message said beside level and text (attributes, trace, span) stands in the `JSONLog`
/// that comes with it; of any other message that is empty.
public struct LogRecord: ~Copyable, ~Escapable {
    public let body: Span<UInt8>
    /// Where it was read: `stdout/stderr`, `journald`, or the file's path.
    public let source: Span<UInt8>
    public let level: LogLevel
    public let stream: LogStream
    /// When it was written, nanoseconds since the Unix epoch; where its source does not say, when it was read.
    public let time: UInt64
    /// When it was read, nanoseconds since the Unix epoch.
    public let observedTime: UInt64
    public let pattern: PatternHash

    @_lifetime(copy body, copy source)
    public init(
        body: Span<UInt8>, source: Span<UInt8>, level: LogLevel, stream: LogStream, time: UInt64, observedTime: UInt64,
        pattern: PatternHash
    ) {
        (self.body, self.source, self.level, self.stream) = (body, source, level, stream)
        (self.time, self.observedTime, self.pattern) = (time, observedTime, pattern)
    }
}
