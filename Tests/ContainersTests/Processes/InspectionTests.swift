import Foundation
import Glibc
import Host
import Linux
import Metrics
import Ring
import TestSupport
import Testing

@testable import Containers

/// A registry that looks at processes of a /proc made here.
@Suite struct InspectionTests {
    private let registry: Registry
    private let folder: FixtureDirectory
    private let faults = CounterTable()

    init() async throws {
        folder = try FixtureDirectory()
        let lane = try Lane(name: "test")
        try lane.start()
        let layout = try CgroupLayout.detect()
        let context = ContainerContext(
            filter: ConnectionFilter(ephemeral: .none, tracked: []), hostNetns: 1, minimumAge: 0,
            retention: 1_000_000_000, common: .empty, drops: CounterTable(), faults: faults)
        registry = Registry(
            lane: lane,
            configuration: RegistryConfiguration(
                context: context, layout: layout, containerFilter: try ContainerFilter(),
                serviceFilter: SystemdServiceFilter()),
            resolver: MetadataResolver(),
            collector: ResourceCollector(lane: lane, layout: layout, common: .empty, faults: faults))
        await registry.startInspecting(procfs: folder.path, timeout: 2_000_000_000)
        for (id, name) in [(100, "one"), (200, "two"), (300, "dbus")] as [(UInt64, String)] {
            await registry.cgroupMade(hierarchy: 0, id: id, path: "/system.slice/\(name).service")
        }
    }

    private func write(_ pid: Int, _ command: String, _ environment: String = "") throws {
        try folder.write("\(pid)/cmdline", command + "\0")
        try folder.write("\(pid)/environ", environment + "\0")
    }

    private func place(_ pid: UInt32, in cgroup: UInt64) async {
        await registry.processPlaced(pid: pid, start: UInt64(pid), cgroup: cgroup, memoryCgroup: 0, at: UInt64(pid))
    }

    private func labels(_ family: MetricFamily, _ label: String) async -> [String] {
        await registry.snapshot().series[family].compactMap { $0.labels[label] }.sorted()
    }

    private func types(become expected: [String]) async throws {
        for _ in 0..<3000 {
            if await labels(.containerApplicationType, "application_type") == expected { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(await labels(.containerApplicationType, "application_type") == expected)
    }

    @Test func typesAndOptOutsOfLiveProcesses() async throws {
        try write(1, "nginx: master process")
        try write(2, "/usr/bin/python3", "COROOT_EBPF_TRACES=disabled")
        try write(3, "postgres")
        await place(1, in: 100)
        await place(2, in: 200)
        // Not reported, so not looked at.
        await place(3, in: 300)
        try await types(become: ["nginx", "python"])
        #expect(await labels(.martletContainerOptedOut, "signal") == ["traces"])
        // It executes something else.
        try write(1, "redis-server")
        await registry.processExecuted(pid: 1)
        try await types(become: ["python", "redis"])
        #expect(await registry.processEnded(pid: 2, start: 2, at: 50, oomKilled: false))
        try await types(become: ["redis"])
        #expect(await labels(.martletContainerOptedOut, "signal").isEmpty)
        #expect(faults.all().isEmpty)
    }

    @Test func aProcessThatMovesTakesItsFactsAlong() async throws {
        try write(1, "nginx")
        await place(1, in: 100)
        try await types(become: ["nginx"])
        await registry.processPlaced(pid: 1, start: 1, cgroup: 200, memoryCgroup: 0, at: 9)
        try await types(become: [])
        try await types(become: ["nginx"])
        #expect(await labels(.containerApplicationType, "container_id") == ["/system.slice/two.service"])
    }

    /// Who ends before it is looked at costs nothing and leaves nothing.
    @Test func shortLivedProcesses() async throws {
        try write(1, "nginx")
        for pid in 10..<1000 as Range<UInt32> {
            await place(pid, in: 100)
            #expect(await registry.processEnded(pid: pid, start: UInt64(pid), at: 5000, oomKilled: false))
        }
        await place(1, in: 100)
        try await types(become: ["nginx"])
        #expect(await registry.waitingInspections == 0)
        #expect(faults.all().isEmpty)
    }

    /// A process that cannot be looked at in time costs its own container the looks, and nobody else.
    @Test func aLookThatHangs() async throws {
        let pipe = folder.path + "/1/cmdline"
        try write(1, "nginx")
        unlink(pipe)
        #expect(mkfifo(pipe, 0o600) == 0)
        try write(2, "postgres")
        try write(3, "redis-server")
        await place(1, in: 100)
        await place(2, in: 100)
        await place(3, in: 200)
        try await types(become: ["redis"])
        #expect(faults.all() == ["inspection_hung": 1])
        // Lets the thread go.
        let end = Glibc.open(pipe, O_WRONLY | O_NONBLOCK)
        #expect(end >= 0)
        close(end)
    }

    @Test func theQueueIsBounded() async throws {
        let drops = await registry.drops
        // Some are taken meanwhile, 100 in a fifth of a second.
        for pid in 1...(UInt32(Registry.maximumInspections) + 4000) { await place(pid, in: pid % 2 == 0 ? 100 : 200) }
        #expect(await registry.waitingInspections <= Registry.maximumInspections)
        #expect(drops.all()["inspections_full"].map { $0 > 0 } == true)
    }
}
