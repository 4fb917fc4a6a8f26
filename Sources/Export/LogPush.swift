public import Logging
public import Logs
public import Spool
import Synchronization
internal import Wire

/// Exports the messages of containers as log records of OTLP.
///
/// Back-pressure: nothing is dropped while its file can wait. What is taken is written into a batch; batches move to the
/// destination's queue, and to its spool while the receiver does not answer. When the queue is half full, or the spool close
/// to its limit, `hasRoom` is false and the reader stops. What it had read by then is handed on to its end: the open batch takes it,
/// and stays open until there is room.
public final class LogPush: LogSink {
    public let sender: BatchSender

    private struct State: ~Copyable {
        var encoder = LogRecordEncoder()
        /// Records that were taken, and those of them that are in a batch that was closed.
        var taken: UInt64 = 0
        var closed: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Throws if TLS cannot be set up.
    public init(_ configuration: OTLPConfiguration, spool: Spool?, logger: Logger) throws(PushError) {
        sender = try BatchSender(.logs, configuration, spool: spool, logger: logger)
    }

    public func start() { sender.start { [self] in if hasRoom { close() } } }

    /// Nothing must be taken after this.
    public func shutdown(until deadline: ContinuousClock.Instant) async {
        close()
        await sender.shutdown(until: deadline)
    }

    public func take(_ record: borrowing LogRecord, _ json: borrowing JSONLog, from owner: LogOwner) -> Bool {
        let limit = sender.batchBytes
        // What changes the answer is a batch.
        var mayGoOn = true
        state.withLock { state in
            state.encoder.append(record, json, of: owner)
            state.taken &+= 1
            // Small batches would be more than may wait.
            let isDue = state.encoder.byteCount >= limit
            if isDue { mayGoOn = hasRoom }
            if isDue && mayGoOn || state.encoder.isFull {
                send(&state)
                mayGoOn = hasRoom
            }
        }
        return mayGoOn
    }

    public var hasRoom: Bool { sender.hasRoom }

    public var taken: UInt64 { state.withLock { $0.taken } }

    public var settled: UInt64 {
        let taken = taken
        return min(sender.destination.statistics.settledItems, taken)
    }

    /// Ends the batch, however small it is.
    func close() {
        state.withLock { if $0.encoder.count > 0 { send(&$0) } }
    }

    private func send(_ state: inout State) {
        let items = state.encoder.count
        var request = WireBuffer(capacity: state.encoder.byteCount + 1024)
        state.encoder.finish(into: &request)
        sender.send(request, items: items, position: state.closed)
        state.closed &+= UInt64(items)
    }
}
