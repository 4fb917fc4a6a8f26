internal import Logs
internal import Metrics

/// What all sources of a lane share: the buffer that is read into, the time, and where messages go.
final class LogPass {
    /// Bytes that are read at once: more than the longest message with its wrapping.
    static let bufferSize = 256 << 10

    let settings: LogSettings
    let sink: (any LogSink)?
    /// What was given up, by reason.
    let drops: CounterTable
    let faults: CounterTable
    let redactor: Redactor?
    // Freed with this object; only the lane that owns it touches it.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferSize, alignment: 64)
    /// CLOCK_MONOTONIC and CLOCK_REALTIME, in nanoseconds.
    private(set) var now: UInt64 = 0
    private(set) var wallTime: UInt64 = 0
    /// As of the last tick.
    private(set) var settled: UInt64 = 0
    /// Messages, where nobody takes them.
    private var counted: UInt64 = 0

    private let clock: LogClock

    init(
        settings: LogSettings, sink: (any LogSink)?, drops: CounterTable, faults: CounterTable,
        clock: LogClock = .kernel
    ) {
        self.clock = clock
        (self.settings, self.sink, self.drops, self.faults) = (settings, sink, drops, faults)
        redactor = settings.redaction.isEmpty ? nil : Redactor(settings.redaction)
        tick()
    }

    deinit { buffer.deallocate() }

    func tick() {
        (now, wallTime) = (clock.monotonic(), clock.wall())
        settled = sink?.settled ?? counted
    }

    var hasRoom: Bool { sink?.hasRoom ?? true }
    var taken: UInt64 { sink?.taken ?? counted }

    @inline(__always)
    func hand(_ record: borrowing LogRecord, _ json: borrowing JSONLog, from owner: LogOwner) {
        guard let sink else {
            counted &+= 1
            return
        }
        _ = sink.take(record, json, from: owner)
    }
}
