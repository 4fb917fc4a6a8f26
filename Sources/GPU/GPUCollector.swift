internal import Glibc
internal import Linux
internal import Synchronization

/// Watches GPUs through NVML, which is looked for until it is there: drivers may be installed while the agent runs.
///
/// All of NVML runs on one thread of its own, which it may block for as long as it likes; what it said is handed over as
/// values, and values that are too old are not shown.
///
/// Invariants: a driver that goes away ends the session and is looked for again; nothing but the thread touches NVML.
public final class GPUCollector: Sendable {
    /// What is worth a line in the log.
    public enum Event: Sendable {
        case found(library: String)
        case failed(library: String, reason: String, isFirst: Bool)
        /// This many processes found no room in the last second.
        case full(processes: Int)
    }

    private static let pollInterval: UInt64 = 1_000_000_000
    /// Between two looks for the library: a few system calls.
    private static let searchInterval: UInt64 = 5_000_000_000
    /// Between two attempts with a library that does not work; doubled up to the longest.
    private static let shortestPause: UInt64 = 5_000_000_000
    private static let longestPause: UInt64 = 60_000_000_000
    /// A reading that is older than this is not shown, in nanoseconds.
    private static let freshness: UInt64 = 15_000_000_000

    private let root: RootDirectory
    private let current = Mutex<(time: UInt64, reading: GPUReading)?>(nil)

    /// `hostRoot` is the node's root directory.
    public init(hostRoot: String) { root = RootDirectory(hostRoot.isEmpty ? "/" : hostRoot) }

    /// What was read last; nil without GPUs, and while NVML does not answer.
    public var reading: GPUReading? {
        guard let (time, reading) = current.withLock({ $0 }), MonotonicClock.now() - time < Self.freshness else {
            return nil
        }
        return reading
    }

    /// Looks for GPUs in the background. Both closures are called on the collector's thread: `report` seldom, `deliver` with
    /// what processes do, every second as long as any does.
    public func start(
        report: @escaping @Sendable (Event) -> Void, deliver: @escaping @Sendable ([GPUProcess]) -> Void
    ) {
        PosixThread.start(name: "gpu") { self.run(report, deliver) }
    }

    private func run(_ report: (Event) -> Void, _ deliver: ([GPUProcess]) -> Void) -> Never {
        var pause = Self.shortestPause
        var isFirst = true
        while true {
            guard let file = NVMLFile.find(below: root) else {
                Self.sleep(Self.searchInterval)
                continue
            }
            do throws(NVMLError) {
                var session = try GPUSession(path: file.path)
                report(.found(library: file.name))
                pause = Self.shortestPause
                isFirst = true
                try follow(&session, report, deliver)
            } catch {
                current.withLock { $0 = nil }
                deliver([])
                report(.failed(library: file.name, reason: "\(error)", isFirst: isFirst))
                isFirst = false
            }
            wait(pause)
            pause = min(pause * 2, Self.longestPause)
        }
    }

    /// Polls until the session ends.
    private func follow(
        _ session: inout GPUSession, _ report: (Event) -> Void, _ deliver: ([GPUProcess]) -> Void
    ) throws(NVMLError) -> Never {
        var next = MonotonicClock.now()
        var hadProcesses = false
        while true {
            let now = MonotonicClock.now()
            let reading = try session.poll(at: now / 1_000_000_000)
            // Of when NVML had answered: a poll may have taken long.
            current.withLock { $0 = (MonotonicClock.now(), reading) }
            if !reading.processes.isEmpty || hadProcesses { deliver(reading.processes) }
            if reading.dropped > 0 { report(.full(processes: reading.dropped)) }
            hadProcesses = !reading.processes.isEmpty
            next = max(next + Self.pollInterval, MonotonicClock.now())
            Self.sleep(next - min(next, MonotonicClock.now()))
        }
    }

    /// Waits, but not longer than until the driver's control device appears.
    private func wait(_ time: UInt64) {
        let end = MonotonicClock.now() + time
        let wasThere = hasControlDevice
        while MonotonicClock.now() < end {
            Self.sleep(min(Self.searchInterval, end - MonotonicClock.now()))
            if !wasThere, hasControlDevice { return }
        }
    }

    private var hasControlDevice: Bool { (try? root.open("/dev/nvidiactl", RootDirectory.pathOnly)) != nil }

    private static func sleep(_ nanoseconds: UInt64) {
        var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        var rest = timespec()
        while nanosleep(&time, &rest) != 0, errno == EINTR { time = rest }
    }
}
