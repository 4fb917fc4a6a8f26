internal import CLinux
internal import Glibc
public import Linux
internal import Synchronization

/// A thread with an io_uring (or epoll) and the actors that live on it.
///
/// The lane is the `SerialExecutor` of its actors: their jobs, its timers and its descriptors all run on its one thread, so
/// that code on the lane calls into any of its actors with `assumeIsolated`, without a hop.
///
/// Invariants: `state` is touched by the lane's thread only (checked by `preconditionOnLane`); `inbox` is the only way in
/// from other threads.
public final class Lane: SerialExecutor, Sendable {
    /// Which mechanism the lane sleeps on.
    public enum Backend: String, Sendable, CaseIterable {
        /// io_uring, or epoll where io_uring is refused.
        case automatic
        case uring = "io_uring"
        case epoll
    }

    /// Runs on the lane; returns the delay in nanoseconds until it wants to run again.
    public typealias Timer = @Sendable () -> UInt64

    private struct TimerEntry {
        var deadline: UInt64
        let body: Timer
    }

    /// What belongs to the lane's thread.
    private final class State {
        var timers: [TimerEntry] = []
        var watches: [@Sendable () -> Void] = []
        let poller: any Poller

        init(poller: any Poller) { self.poller = poller }
    }

    private struct Inbox {
        var jobs: [UnownedJob] = []
        var isStopping = false
    }

    public let name: String
    private let backend: Backend
    private let inbox = Mutex(Inbox())
    /// How the start went: the poller's name.
    private let startup = Mutex<Result<String, Errno>?>(nil)
    private let wakeup: FileDescriptor
    /// The lane's thread, 0 before it runs. Written once, before any job can run; relaxed is enough because a thread only
    /// compares it with its own id: it either sees its own earlier store or some other value.
    private let thread = Atomic<Int>(0)
    private let finished = Atomic<Bool>(false)
    // Safe: created and used by the lane's thread only; `onLane` checks that before every access.
    nonisolated(unsafe) private var state: State?

    /// Makes the lane; `start` runs it. Throws if the kernel refuses an eventfd.
    public init(name: String, backend: Backend = .automatic) throws(Errno) {
        self.name = name
        self.backend = backend
        let raw = martlet_eventfd()
        guard raw >= 0 else { throw Errno.last }
        wakeup = FileDescriptor(owning: raw)
    }

    // MARK: Running

    /// Starts the thread. Throws where neither mechanism can be had; the lane cannot be used then.
    /// Returns the mechanism's name.
    @discardableResult
    public func start() throws(Errno) -> String {
        PosixThread.start(name: name) { self.main() }
        // Once in a lane's life, for some microseconds: not worth a condition variable.
        while true {
            if let result = startup.withLock({ $0 }) { return try result.get() }
            usleep(100)
        }
    }

    /// Ends the loop after the jobs that already wait; returns when the thread is done or `timeout` is over.
    public func stop(timeout: UInt64 = 1_000_000_000) {
        inbox.withLock { $0.isStopping = true }
        wake()
        let deadline = MonotonicClock.now() + timeout
        while !finished.load(ordering: .acquiring), MonotonicClock.now() < deadline { usleep(1000) }
    }

    private func main() {
        let poller: any Poller
        do throws(Errno) {
            poller = try Self.makePoller(backend)
            try poller.add(wakeup.raw, token: 0)
        } catch {
            finished.store(true, ordering: .releasing)
            startup.withLock { $0 = .failure(error) }
            return
        }
        let state = State(poller: poller)
        self.state = state
        thread.store(Self.currentThread, ordering: .relaxed)
        startup.withLock { $0 = .success(poller.name) }
        loop(state)
        self.state = nil
        // Releasing: whoever sees `finished` also sees everything that the lane wrote.
        finished.store(true, ordering: .releasing)
    }

    private func loop(_ state: State) {
        var jobs: [UnownedJob] = []
        var readable: [UInt32] = []
        while true {
            let now = MonotonicClock.now()
            var next = now + 3_600_000_000_000
            for timer in state.timers where timer.deadline < next { next = timer.deadline }
            let isIdle = inbox.withLock { $0.jobs.isEmpty && !$0.isStopping }
            let timeout = isIdle && next > now ? next - now : 0
            readable.removeAll(keepingCapacity: true)
            do throws(Errno) {
                try state.poller.wait(timeout: timeout) { readable.append($0) }
            } catch {
                // Nothing sensible is left of a poller that fails; do not spin at full speed.
                usleep(10_000)
            }
            for token in readable {
                if token == 0 {
                    var count: UInt64 = 0
                    _ = Glibc.read(wakeup.raw, &count, 8)
                } else {
                    state.watches[Int(token) - 1]()
                }
            }
            let stopping = inbox.withLock { inbox in
                swap(&inbox.jobs, &jobs)
                return inbox.isStopping
            }
            for job in jobs { job.runSynchronously(on: asUnownedSerialExecutor()) }
            jobs.removeAll(keepingCapacity: true)
            let after = MonotonicClock.now()
            var index = 0
            while index < state.timers.count {
                if state.timers[index].deadline <= after {
                    let delay = state.timers[index].body()
                    state.timers[index].deadline = MonotonicClock.now() &+ delay
                }
                index += 1
            }
            if stopping, inbox.withLock({ $0.jobs.isEmpty }) { return }
        }
    }

    private static func makePoller(_ backend: Backend) throws(Errno) -> any Poller {
        switch backend {
        case .epoll: return try EpollPoller()
        case .uring: return try URingPoller()
        case .automatic:
            do throws(Errno) { return try URingPoller() } catch { return try EpollPoller() }
        }
    }

    // MARK: On the lane

    /// Calls `body` after `delay` nanoseconds, and again after each delay that it returns. On the lane only.
    public func addTimer(after delay: UInt64, _ body: @escaping Timer) {
        onLane().timers.append(TimerEntry(deadline: MonotonicClock.now() &+ delay, body: body))
    }

    /// Calls `body` whenever `descriptor` becomes readable, which stays open as long as the lane runs. On the lane only.
    public func watch(_ descriptor: Int32, _ body: @escaping @Sendable () -> Void) throws(Errno) {
        let state = onLane()
        state.watches.append(body)
        try state.poller.add(descriptor, token: UInt32(state.watches.count))
    }

    private func onLane() -> State {
        checkIsolated()
        guard let state else { preconditionFailure("lane \(name) does not run") }
        return state
    }

    // MARK: SerialExecutor

    public func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        let wasEmpty = inbox.withLock { inbox in
            inbox.jobs.append(unowned)
            return inbox.jobs.count == 1
        }
        // The loop looks at the inbox before it sleeps, so that its own jobs need no wake-up.
        if wasEmpty, thread.load(ordering: .relaxed) != Self.currentThread { wake() }
    }

    public func checkIsolated() {
        precondition(thread.load(ordering: .relaxed) == Self.currentThread, "not on lane \(name)")
    }

    public func isIsolatingCurrentContext() -> Bool? {
        thread.load(ordering: .relaxed) == Self.currentThread
    }

    private func wake() {
        var one: UInt64 = 1
        _ = Glibc.write(wakeup.raw, &one, 8)
    }

    private static var currentThread: Int { Int(bitPattern: UInt(pthread_self())) }
}
