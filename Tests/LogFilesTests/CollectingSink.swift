import Logs
import Synchronization

/// Keeps what it takes, as text, and settles when told.
final class CollectingSink: LogSink {
    struct Taken: Equatable {
        var body: String
        var level: LogLevel
        var stream: LogStream
        var source: String
        var containerID: String
        var time: UInt64
        var pattern: String
    }

    private struct State {
        var records: [Taken] = []
        var settled: UInt64 = 0
        var settlesAtOnce = true
        var room = Int.max
    }

    private let state = Mutex(State())

    init(settlesAtOnce: Bool = true) { state.withLock { $0.settlesAtOnce = settlesAtOnce } }

    func take(_ record: borrowing LogRecord, _ json: borrowing JSONLog, from owner: LogOwner) -> Bool {
        func text(_ span: Span<UInt8>) -> String {
            span.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        }
        let pattern = record.pattern
        let taken = Taken(
            body: text(record.body), level: record.level, stream: record.stream, source: text(record.source),
            containerID: owner.containerID, time: record.time, pattern: text(pattern.text))
        return state.withLock { state in
            state.records.append(taken)
            if state.settlesAtOnce { state.settled = UInt64(state.records.count) }
            return state.records.count < state.room
        }
    }

    var hasRoom: Bool { state.withLock { $0.records.count < $0.room } }
    var taken: UInt64 { state.withLock { UInt64($0.records.count) } }
    var settled: UInt64 { state.withLock { $0.settled } }

    var records: [Taken] { state.withLock { $0.records } }
    var bodies: [String] { records.map(\.body) }

    func settle(_ count: UInt64) { state.withLock { $0.settled = count } }
    func limit(_ room: Int) { state.withLock { $0.room = room } }
}
