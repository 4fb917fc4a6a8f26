import Host
import Linux
import Metrics
import Ring
import Testing

@testable import Containers

/// Events in the order in which two rings may give them.
@Suite struct RegistryTests {
    private let registry: Registry
    private let cgroup: UInt64 = 100
    private let other: UInt64 = 200
    private let denied: UInt64 = 300
    private let unknown: UInt64 = 400

    init() async throws {
        let lane = try Lane(name: "test")
        try lane.start()
        let faults = CounterTable()
        let layout = try CgroupLayout.detect()
        let context = ContainerContext(
            filter: ConnectionFilter(ephemeral: .none, tracked: []), hostNetns: 1, minimumAge: 0, retention: 1_000,
            common: .empty, drops: CounterTable(), faults: faults)
        registry = Registry(
            lane: lane,
            configuration: RegistryConfiguration(
                context: context, layout: layout, containerFilter: try ContainerFilter(deny: ["denied"]),
                serviceFilter: SystemdServiceFilter()),
            resolver: MetadataResolver(),
            collector: ResourceCollector(lane: lane, layout: layout, common: .empty, faults: faults))
        await registry.cgroupMade(hierarchy: 0, id: cgroup, path: "/system.slice/one.service")
        await registry.cgroupMade(hierarchy: 0, id: other, path: "/user.slice/session")
        await registry.cgroupMade(hierarchy: 0, id: denied, path: "/system.slice/denied.service")
        await registry.cgroupMade(
            hierarchy: 0, id: unknown, path: "/docker/" + String(repeating: "0123456789abcdef", count: 4))
    }

    private func place(_ pid: UInt32, start: UInt64, in cgroup: UInt64, at time: UInt64) async {
        await registry.processPlaced(pid: pid, start: start, cgroup: cgroup, memoryCgroup: 0, at: time)
    }

    private func value(_ family: MetricFamily) async -> Double? {
        await registry.snapshot().series[family].first?.value
    }

    @Test func aForkReadAfterTheMoveChangesNothing() async {
        await place(1, start: 10, in: cgroup, at: 30)
        await place(1, start: 10, in: other, at: 20)
        await place(2, start: 40, in: cgroup, at: 40)
        #expect(await value(.martletContainerProcesses) == 2)
        #expect(await value(.containerRestartsTotal) == 0)
    }

    @Test func aForkReadAfterTheEndMakesNoGhost() async {
        await place(1, start: 10, in: cgroup, at: 30)
        #expect(await registry.processEnded(pid: 1, start: 10, at: 50, oomKilled: false))
        await place(1, start: 10, in: cgroup, at: 20)
        #expect(await value(.martletContainerProcesses) == 0)
        // Two passes later the number belongs to another process.
        await registry.passEnded()
        await registry.passEnded()
        await place(1, start: 60, in: cgroup, at: 60)
        #expect(await value(.martletContainerProcesses) == 1)
    }

    /// A runtime's helper (1) makes the container's first process (2) and ends; that one's child (3) is read before it.
    @Test(arguments: [false, true]) func aForkReadAfterALaterOneIsNoRestart(isGoneByThen: Bool) async {
        await place(1, start: 10, in: cgroup, at: 10)
        #expect(await registry.processEnded(pid: 1, start: 10, at: 30, oomKilled: false))
        await place(3, start: 40, in: cgroup, at: 40)
        await registry.passEnded()
        await place(2, start: 20, in: cgroup, at: 20)
        if isGoneByThen { #expect(await registry.processEnded(pid: 2, start: 20, at: 50, oomKilled: false)) }
        await registry.passEnded()
        await registry.passEnded()
        #expect(await value(.containerRestartsTotal) == 0)
    }

    /// What began late, but ended before the container stood empty, changes nothing.
    @Test func restartsAreCountedWhenAllRingsWereRead() async {
        await place(1, start: 10, in: cgroup, at: 10)
        #expect(await registry.processEnded(pid: 1, start: 10, at: 30, oomKilled: false))
        await place(3, start: 40, in: cgroup, at: 40)
        await registry.passEnded()
        #expect(await value(.containerRestartsTotal) == 0)
        await place(2, start: 20, in: cgroup, at: 20)
        #expect(await registry.processEnded(pid: 2, start: 20, at: 25, oomKilled: false))
        await registry.passEnded()
        #expect(await value(.containerRestartsTotal) == 1)
        // And once more.
        #expect(await registry.processEnded(pid: 3, start: 40, at: 50, oomKilled: false))
        await place(4, start: 60, in: cgroup, at: 60)
        await registry.passEnded()
        await registry.passEnded()
        await registry.passEnded()
        #expect(await value(.containerRestartsTotal) == 2)
    }

    @Test func aMoveAwayLeavesTheContainer() async {
        await place(1, start: 10, in: cgroup, at: 20)
        await place(1, start: 10, in: other, at: 30)
        #expect(await value(.martletContainerProcesses) == 0)
        #expect(await registry.counts.processes == 0)
    }

    /// Nothing waits for a container that nobody will ever name.
    @Test func whatIsLeftOutIsDecided() async {
        for (pid, place) in [(UInt32(1), cgroup), (2, denied), (3, unknown)] {
            await self.place(pid, start: 10, in: place, at: 20)
        }
        func facts(_ cgroup: UInt64) async -> (isDecided: Bool, hasResource: Bool)? {
            guard let container = await registry.container(cgroup: cgroup, memoryCgroup: 0) else { return nil }
            return await (container.isDecided, container.traceResource != nil)
        }
        #expect(await facts(cgroup) ?? (false, false) == (true, true))
        #expect(await facts(denied) ?? (false, true) == (true, false))
        #expect(await facts(unknown) ?? (true, true) == (false, false))
    }

    @Test func oomKillsAreCounted() async {
        await place(1, start: 10, in: cgroup, at: 20)
        #expect(await registry.processEnded(pid: 1, start: 10, at: 50, oomKilled: true))
        #expect(!(await registry.processEnded(pid: 1, start: 10, at: 50, oomKilled: true)))
        #expect(await value(.containerOomKillsTotal) == 1)
    }
}
