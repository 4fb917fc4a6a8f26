internal import Exchange
internal import Metrics
internal import Synchronization

/// Looks at processes on a thread of its own, a batch at a time. What hangs there delays nobody else; whoever waits decides
/// when to give it up.
final class ProcessInspector: Sendable {
    private let worker = BlockingWorker(name: "inspect", limit: 1)
    private let reader: Mutex<ProcessReader>

    init(procfs: String, faults: CounterTable) {
        reader = Mutex(ProcessReader(procfs: procfs, faults: faults))
    }

    func inspect(_ batch: InspectionBatch) async -> [(index: Int, facts: ProcessFacts)] {
        await withCheckedContinuation { continuation in
            let isAccepted = worker.submit {
                continuation.resume(returning: self.reader.withLock { batch.run($0) })
            }
            if !isAccepted { continuation.resume(returning: []) }
        }
    }
}
