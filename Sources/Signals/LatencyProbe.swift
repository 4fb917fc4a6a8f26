public import Containers
internal import Host
internal import Linux
public import Metrics
internal import Network
public import Ring
internal import Synchronization

/// Measures how far away the addresses are that containers connect to: once an interval an echo to each, from inside the
/// container's network namespace, and where echoes stay unanswered, what TCP measured of the connections.
///
/// Lives on the collector's lane, where it only plans; a round runs on a thread of its own, so that neither events nor
/// scrapes wait for answers. One round at a time.
public actor LatencyProbe {
    public nonisolated let lane: Lane
    public nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }

    private let registry: Registry
    private let drain: Drain
    private let faults: CounterTable
    /// Keeps the kernel stamping packets: switching that on and off with every round's sockets costs all CPUs an interrupt.
    private let stamping: EchoSocketBox?

    /// False where raw sockets are refused: then every address is measured by its connections.
    public nonisolated var canSendEchoes: Bool { stamping != nil }

    private var isRunning = false

    private final class EchoSocketBox: Sendable {
        let socket: EchoSocket
        init(_ socket: consuming EchoSocket) { self.socket = socket }
    }

    /// Echo requests need CAP_NET_RAW.
    public init(lane: Lane, registry: Registry, drain: Drain, faults: CounterTable) {
        self.lane = lane
        self.registry = registry
        self.drain = drain
        self.faults = faults
        if let socket = try? EchoSocket(isIPv6: false) { stamping = EchoSocketBox(socket) } else { stamping = nil }
    }

    /// Begins a round every `interval` nanoseconds.
    public func start(interval: UInt64) {
        lane.addTimer(after: min(interval, 1_000_000_000)) { [self] in
            assumeIsolated { $0.tick() }
            return interval
        }
    }

    private func tick() {
        guard !isRunning else {
            faults.add("latency_round_late")
            return
        }
        isRunning = true
        Task { await round() }
    }

    /// A namespace, the addresses of all containers in it, and the containers.
    private struct Plan: Sendable {
        var inode: UInt64
        var pid: Int32
        var addresses: [IPAddress]
        var targets: [Registry.LatencyTarget]
    }

    private func round() async {
        let (plans, unreachable) = Self.plan(await registry.latencyTargets())
        let outcomes = plans.isEmpty ? [] : await Self.ask(plans)
        var results: [(container: Container, outcomes: [IPAddress: EchoRound.Outcome])] = []
        for target in unreachable {
            let outcomes = target.addresses.map { ($0, EchoRound.Outcome.impossible) }
            results.append((target.container, Dictionary(uniqueKeysWithValues: outcomes)))
        }
        for (plan, outcomes) in zip(plans, outcomes) {
            for target in plan.targets {
                var own: [IPAddress: EchoRound.Outcome] = [:]
                for address in target.addresses { own[address] = outcomes[address] ?? .impossible }
                results.append((target.container, own))
            }
        }
        if await registry.update(results) { await drain.sampleRoundTrips() }
        isRunning = false
    }

    /// Puts containers of one namespace together, as those of a pod are; apart those whose namespace cannot be seen.
    private static func plan(
        _ targets: [Registry.LatencyTarget]
    ) -> (plans: [Plan], unreachable: [Registry.LatencyTarget]) {
        var plans: [UInt64: Plan] = [:]
        var unreachable: [Registry.LatencyTarget] = []
        targets: for target in targets {
            for pid in target.pids {
                let pid = Int32(bitPattern: pid)
                guard let inode = try? NetworkNamespace.inode(pid: pid) else { continue }
                var plan = plans[inode] ?? Plan(inode: inode, pid: pid, addresses: [], targets: [])
                plan.addresses = Array(Set(plan.addresses).union(target.addresses).prefix(EchoRound.maximumAddresses))
                plan.targets.append(target)
                plans[inode] = plan
                continue targets
            }
            unreachable.append(target)
        }
        return (Array(plans.values), unreachable)
    }

    private static func ask(_ plans: [Plan]) async -> [[IPAddress: EchoRound.Outcome]] {
        await withCheckedContinuation { continuation in
            PosixThread.start(name: "latency") {
                let outcomes = EchoRound.run(count: plans.count) { index in
                    let plan = plans[index]
                    guard let namespace = try? NetworkNamespace.descriptor(pid: plan.pid),
                        (try? NetworkNamespace.inode(of: namespace)) == plan.inode
                    else { return nil }
                    return EchoRound.Group(namespace: namespace, addresses: plan.addresses)
                }
                continuation.resume(returning: outcomes)
            }
        }
    }
}
