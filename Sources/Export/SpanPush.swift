public import Logging
public import Protocols
public import Spool
import Synchronization
public import Traces
import Wire

/// Exports requests as spans of OTLP.
///
/// Spans are written on the lane of events. What does not fit, because too many batches wait or the spool is full, is dropped
/// and counted: requests do not wait.
public final class SpanPush: SpanSink {
    public let sender: BatchSender
    public let takesInbound: Bool

    private struct State: ~Copyable {
        var recorder: SpanRecorder
        /// Spans in batches that were closed.
        var closed: UInt64 = 0
    }

    private let state: Mutex<State>

    /// Throws if TLS cannot be set up.
    /// - Parameter version: of the agent.
    public init(
        _ configuration: OTLPConfiguration, _ options: TraceOptions, version: String, spool: Spool?, logger: Logger
    ) throws(PushError) {
        takesInbound = options.includesInbound
        sender = try BatchSender(.traces, configuration, spool: spool, logger: logger)
        state = Mutex(State(recorder: SpanRecorder(options, version: version)))
    }

    public func start() { sender.start { [self] in close() } }

    /// Nothing must be taken after this.
    public func shutdown(until deadline: ContinuousClock.Instant) async {
        close()
        await sender.shutdown(until: deadline)
    }

    /// Spans that were made.
    public var made: UInt64 { state.withLock { $0.closed + UInt64($0.recorder.count) } }
    /// Requests whose two sides were joined.
    public var joined: UInt64 { state.withLock { $0.recorder.joined } }

    public func take(
        _ exchange: Exchange, _ text: borrowing RequestText, _ peer: RequestPeer, from owner: ResourceFacts
    ) {
        // A closure cannot borrow; this counts references and copies no bytes.
        let text = copy text
        state.withLock { state in
            state.recorder.take(exchange, text, peer, from: owner)
            if state.recorder.byteCount >= sender.batchBytes || state.recorder.isFull { send(&state) }
        }
    }

    /// Ends the batch, however small it is.
    func close() {
        state.withLock { if $0.recorder.count > 0 { send(&$0) } }
    }

    private func send(_ state: inout State) {
        let items = state.recorder.count
        var request = WireBuffer(capacity: state.recorder.byteCount + 1024)
        state.recorder.finish(into: &request)
        sender.send(request, items: items, position: state.closed)
        state.closed += UInt64(items)
    }
}
