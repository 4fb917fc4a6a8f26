import Linux
import Synchronization

/// One thread for work that blocks, with a bounded queue. The thread exists only while there is work: containers start
/// seldom, and a thread costs less than one of their system calls.
public final class BlockingWorker: Sendable {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var isRunning = false
    }

    private let state = Mutex(State())
    private let name: String
    private let limit: Int

    /// `name` is the thread's, `limit` the most jobs that wait behind the batch that is being run.
    public init(name: String, limit: Int) {
        self.name = name
        self.limit = limit
    }

    /// Queues `job`; false, without running it, when the queue is full.
    public func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
        let (accepted, start) = state.withLock { state -> (Bool, Bool) in
            guard state.jobs.count < limit else { return (false, false) }
            state.jobs.append(job)
            let start = !state.isRunning
            state.isRunning = true
            return (true, start)
        }
        if start { PosixThread.start(name: name) { self.drain() } }
        return accepted
    }

    private func drain() {
        while true {
            let jobs = state.withLock { state in
                if state.jobs.isEmpty { state.isRunning = false }
                defer { state.jobs = [] }
                return state.jobs
            }
            if jobs.isEmpty { return }
            for job in jobs { job() }
        }
    }
}
