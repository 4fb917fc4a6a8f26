import Logging
import Spool
import Synchronization
import Wire

/// Takes the batches of one signal from the threads that fill them, compresses them elsewhere, and hands them to the
/// destination.
///
/// Whoever fills batches never waits: he asks `hasRoom` first where what he has can wait, and what does not fit is dropped
/// and counted where it cannot.
public final class BatchSender: Sendable {
    public let destination: Destination
    let configuration: OTLPConfiguration

    private let batches: AsyncStream<ClosedBatch>
    private let inbox: AsyncStream<ClosedBatch>.Continuation
    /// Batches that are closed and not yet with the destination.
    private let closed = Atomic<Int>(0)
    private let tasks = Mutex<[Task<Void, Never>]>([])
    private let logger: Logger

    /// Throws if TLS cannot be set up.
    init(_ signal: Signal, _ configuration: OTLPConfiguration, spool: Spool?, logger: Logger) throws(PushError) {
        self.configuration = configuration
        self.logger = logger
        destination = try Destination(
            configuration.endpoint, name: configuration.endpoint.nameWithPath, configuration.delivery(signal),
            spool: spool, logger: logger)
        (batches, inbox) = AsyncStream.makeStream()
    }

    /// A batch is closed when it has so many bytes: fewer than it is configured to where the receiver found that too large.
    var batchBytes: Int { min(configuration.batchBytes, destination.requestBytes) }

    var hasRoom: Bool { closed.load(ordering: .relaxed) < configuration.closedLimit / 2 && destination.hasRoom }

    /// Takes a batch, or drops it if too many wait.
    func send(_ request: consuming WireBuffer, items: Int, position: UInt64) {
        guard closed.load(ordering: .relaxed) < configuration.closedLimit else {
            return destination.lose(overflow: items)
        }
        closed.add(1, ordering: .relaxed)
        inbox.yield(ClosedBatch(request, items: items, position: position))
    }

    /// Starts sending, first what a former agent left. `close` closes the batch that is being filled.
    func start(_ close: @escaping @Sendable () -> Void) {
        let age = configuration.batchAge
        let closing = Task {
            while true {
                do { try await Task.sleep(for: age) } catch { return }
                close()
            }
        }
        let sending = Task {
            await destination.start()
            var packer = Packer()
            var turn = 0
            for await batch in batches {
                let packaging = await destination.packaging
                let shards = max(1, configuration.connections)
                turn = (turn + 1) % shards
                do {
                    var request = PushRequest(
                        body: try packer.pack(batch.request, packaging.coding), samples: batch.items,
                        packaging: packaging, shard: shards == 1 ? nil : Shard(turn, of: shards))
                    request.position = batch.position
                    request.plainBytes = batch.request.count
                    await destination.enqueue([request])
                } catch {
                    logger.error("gave up a batch of \(batch.items): \(error)")
                    await destination.lose(malformed: batch.items)
                }
                closed.subtract(1, ordering: .relaxed)
            }
        }
        tasks.withLock { $0 = [closing, sending] }
    }

    /// Sends what waits until `deadline`, once; the rest stays in the spool, or is dropped where there is none. Nothing must be
    /// taken after this.
    func shutdown(until deadline: ContinuousClock.Instant) async {
        let tasks = tasks.withLock { tasks in
            defer { tasks = [] }
            return tasks
        }
        inbox.finish()
        tasks.first?.cancel()
        await tasks.last?.value
        await destination.shutdown(until: deadline)
    }
}
