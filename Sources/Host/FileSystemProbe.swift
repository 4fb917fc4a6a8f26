import Glibc
import Linux
import Synchronization

/// Asks file systems how full they are, on threads that may hang without anybody else waiting.
///
/// A look at a mount point may wait for a process or a machine that never answers, and then nothing can end the thread's wait.
/// Therefore at most one call is under way for each gate (`MountTable.Mount.gate`: what a call may have to wait for), and at
/// most `maximumThreads` in all. A call that takes longer than the deadline is a hang: it is counted once, the values of its
/// gate are dropped, and the gate is left alone until the call returns, and for a growing while after that.
public final class FileSystemProbe: Sendable {
    /// A mount point to be looked at.
    public struct Request: Sendable {
        public let mount: MountTable.Mount
        /// A process that sees it.
        public let pid: Int32

        public init(mount: MountTable.Mount, pid: Int32) {
            self.mount = mount
            self.pid = pid
        }
    }

    private struct Gate {
        /// CLOCK_MONOTONIC at which the present call began; nil while none is under way.
        var since: UInt64?
        var isHung = false
        var hangs = 0
        /// No call before this time.
        var pausedUntil: UInt64 = 0
        /// When anybody last asked.
        var askedAt: UInt64 = 0
        var requests: [Request] = []
        /// By mount id.
        var results: [UInt32: FileSystemUsage] = [:]
    }

    private struct State {
        var gates: [DeviceNumber: Gate] = [:]
        var waiting: [DeviceNumber] = []
        /// All threads, and those of them that hang.
        var threads = 0
        var hung = 0
        var hangs: UInt64 = 0
        var refused: UInt64 = 0
    }

    /// Threads that work at once, beside those that hang.
    private static let concurrency = 2
    /// Threads in all: so many gates may hang before others are no longer looked at.
    private static let maximumThreads = 16
    private static let maximumGates = 4096
    private static let longestPause: UInt64 = 600_000_000_000

    private let state = Mutex(State())
    private let deadline: UInt64
    private let firstPause: UInt64

    /// `deadline` is the time in nanoseconds after which a call counts as hung, `pause` how long its gate is left alone after
    /// the first hang; each further one doubles it, up to ten minutes.
    public init(deadline: UInt64 = 2_000_000_000, pause: UInt64 = 30_000_000_000) {
        self.deadline = deadline
        firstPause = pause
    }

    /// Gives what is known of the mounts of `requests`, by mount id, and has them looked at again, unless `refresh` is false.
    /// Never waits. A mount that nobody could look at yet, or that hangs, is missing.
    public func ask(_ requests: [Request], refresh: Bool) -> [UInt32: FileSystemUsage] {
        var byGate: [DeviceNumber: [Request]] = [:]
        for request in requests { byGate[request.mount.gate, default: []].append(request) }
        let (answers, threads) = state.withLock { state -> ([UInt32: FileSystemUsage], Int) in
            // Read under the lock: no time in the state is then later than this one.
            let now = MonotonicClock.now()
            markHung(&state, now)
            var answers: [UInt32: FileSystemUsage] = [:]
            for (name, requests) in byGate {
                guard state.gates[name] != nil || state.gates.count < Self.maximumGates else {
                    state.refused &+= 1
                    continue
                }
                var gate = state.gates[name] ?? Gate()
                gate.askedAt = now
                answers.merge(gate.results) { mine, _ in mine }
                if refresh, gate.since == nil, gate.requests.isEmpty, now >= gate.pausedUntil {
                    gate.requests = requests
                    state.waiting.append(name)
                }
                state.gates[name] = gate
            }
            // What nobody asks for any more.
            for (name, gate) in state.gates
            where gate.since == nil && gate.requests.isEmpty && now - gate.askedAt > Self.longestPause {
                state.gates[name] = nil
            }
            return (answers, threadsToStart(&state))
        }
        for _ in 0..<threads { PosixThread.start(name: "statfs") { self.work() } }
        return answers
    }

    /// File systems that were found to hang, each time counted once.
    public var hangs: UInt64 { state.withLock { $0.hangs } }
    /// Looks that were not taken because too many hang, or for lack of room.
    public var refused: UInt64 { state.withLock { $0.refused } }
    /// Calls that hang at this moment.
    public var hungCalls: Int { state.withLock { $0.hung } }

    private func markHung(_ state: inout State, _ now: UInt64) {
        for (name, var gate) in state.gates {
            guard let since = gate.since, !gate.isHung, now - since > deadline else { continue }
            gate.isHung = true
            gate.hangs += 1
            gate.results = [:]
            state.hung += 1
            state.hangs &+= 1
            state.gates[name] = gate
        }
    }

    private func threadsToStart(_ state: inout State) -> Int {
        let wanted = min(state.waiting.count, Self.concurrency - (state.threads - state.hung))
        let started = max(0, min(wanted, Self.maximumThreads - state.threads))
        if wanted > 0, started == 0 { state.refused &+= 1 }
        state.threads += started
        return started
    }

    /// A thread's life: looks at one gate after the other while any waits.
    private func work() {
        while let (name, requests) = next() {
            for request in requests {
                let isStill = state.withLock { state in
                    state.gates[name]?.since = MonotonicClock.now()
                    return state.gates[name]?.isHung == false
                }
                // The rest of them waits for the same.
                guard isStill else { break }
                let usage = Self.look(request)
                state.withLock { state in
                    guard state.gates[name]?.isHung == false else { return }
                    state.gates[name]?.results[request.mount.id] = usage
                }
            }
            finish(name, requests)
        }
    }

    private func next() -> (DeviceNumber, [Request])? {
        state.withLock { state in
            guard !state.waiting.isEmpty, state.threads - state.hung <= Self.concurrency else {
                state.threads -= 1
                return nil
            }
            let name = state.waiting.removeFirst()
            state.gates[name]?.since = MonotonicClock.now()
            return (name, state.gates[name]?.requests ?? [])
        }
    }

    private func finish(_ name: DeviceNumber, _ requests: [Request]) {
        let ids = Set(requests.map(\.mount.id))
        state.withLock { state in
            guard var gate = state.gates[name] else { return }
            gate.since = nil
            gate.requests = []
            gate.results = gate.results.filter { ids.contains($0.key) }
            if gate.isHung {
                state.hung -= 1
                gate.isHung = false
                let pause = min(firstPause << UInt64(min(gate.hangs - 1, 20)), Self.longestPause)
                gate.pausedUntil = MonotonicClock.now() + pause
            }
            state.gates[name] = gate
        }
    }

    /// The space of the mount; nil if it is not there any more. May hang.
    private static func look(_ request: Request) -> FileSystemUsage? {
        let path = "/proc/\(request.pid)/root\(request.mount.point)"
        guard let file = try? FileDescriptor.open(path, RootDirectory.pathOnly) else { return nil }
        var status = stat()
        // The process id may be another's by now, and the mount point covered by another mount.
        guard fstat(file.raw, &status) == 0,
            DeviceNumber(status: UInt64(status.st_dev)) == request.mount.device
        else { return nil }
        var space = statvfs()
        guard fstatvfs(file.raw, &space) == 0 else { return nil }
        let (blocks, free, available) = (UInt64(space.f_blocks), UInt64(space.f_bfree), UInt64(space.f_bavail))
        let unit = UInt64(space.f_frsize)
        return FileSystemUsage(
            size: blocks &* unit, used: blocks >= free ? (blocks - free) &* unit : 0,
            reserved: free >= available ? (free - available) &* unit : 0)
    }
}
