import Export
import Logs
import Synchronization
import Wire

/// What the exporter does with messages up to compression: records of OTLP in batches of a mebibyte.
final class EncodingSink: LogSink {
    struct Totals {
        var records: UInt64 = 0
        var errors: UInt64 = 0
        var bytes = 0
        var requests = 0
    }

    private struct State: ~Copyable {
        var encoder = LogRecordEncoder()
        var request = WireBuffer(capacity: 2 << 20)
        var totals = Totals()
    }

    // A lock for each message, as the exporter has it.
    private let state = Mutex(State())

    func take(_ record: borrowing LogRecord, _ json: borrowing JSONLog, from owner: LogOwner) -> Bool {
        state.withLock { state in
            state.encoder.append(record, json, of: owner)
            state.totals.records &+= 1
            if record.level == .error { state.totals.errors &+= 1 }
            if state.encoder.byteCount >= 1 << 20 {
                state.request.removeAll()
                state.encoder.finish(into: &state.request)
                state.totals.bytes += state.request.count
                state.totals.requests += 1
            }
        }
        return true
    }

    var totals: Totals { state.withLock { $0.totals } }
    var hasRoom: Bool { true }
    var taken: UInt64 { state.withLock { $0.totals.records } }
    var settled: UInt64 { taken }
}
