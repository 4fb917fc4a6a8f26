import CEvents
import Containers
import Host
import Metrics
import Ring
import Testing

@testable import Signals

/// Moves into cgroups that another ring announces.
@Suite struct CgroupSignalTests {
    private let registry: Registry
    private let signal: CgroupSignal

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
                context: context, layout: layout, containerFilter: try ContainerFilter(),
                serviceFilter: SystemdServiceFilter()),
            resolver: MetadataResolver(),
            collector: ResourceCollector(lane: lane, layout: layout, common: .empty, faults: faults))
        signal = CgroupSignal(lane: lane, registry: registry)
    }

    /// The record of a move of process 7, as it stands in a ring.
    private func move(to cgroup: UInt64) async {
        var event = martlet_cgroup_attach()
        event.header.type = MARTLET_CGROUP_ATTACH.rawValue
        event.header.pid = 7
        event.header.cgroup = cgroup
        event.header.memory_cgroup = 1
        event.header.time_ns = 20
        event.start_boottime_ns = 10
        let record = UnsafeMutableRawBufferPointer.allocate(
            byteCount: MemoryLayout<martlet_cgroup_attach>.size, alignment: 8)
        defer { record.deallocate() }
        record.storeBytes(of: event, as: martlet_cgroup_attach.self)
        let records = UnsafeMutableBufferPointer<UnsafeRawBufferPointer>.allocate(capacity: 1)
        defer { records.deallocate() }
        records.initialize(repeating: UnsafeRawBufferPointer(record))
        await signal.consume(RecordBatch(UnsafeBufferPointer(records)))
    }

    private func processes() async -> Int { await registry.counts.processes }

    @Test func aMoveWaitsForItsCgroup() async {
        await move(to: 100)
        #expect(await processes() == 0)
        await signal.settle()
        await registry.cgroupMade(hierarchy: 0, id: 100, path: "/system.slice/one.service")
        await signal.settle()
        #expect(await processes() == 1)
    }

    @Test func aMoveIntoAKnownCgroupDoesNotWait() async {
        await registry.cgroupMade(hierarchy: 0, id: 100, path: "/system.slice/one.service")
        await move(to: 100)
        #expect(await processes() == 1)
    }

    /// Nobody announces it: it is given up after two passes.
    @Test func aMoveDoesNotWaitForEver() async {
        await move(to: 100)
        await signal.settle()
        await signal.settle()
        await registry.cgroupMade(hierarchy: 0, id: 100, path: "/system.slice/one.service")
        await signal.settle()
        #expect(await processes() == 0)
    }
}
