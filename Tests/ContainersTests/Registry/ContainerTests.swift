import CEvents
import Linux
import Metrics
import Ring
import Testing

@testable import Containers

/// One container fed with events made here; the same code takes real ones in KernelTests.
@Suite struct ContainerTests {
    private let lane: Lane
    private let drops = CounterTable()

    init() throws {
        lane = try Lane(name: "test")
        try lane.start()
    }

    private func container(minimumAge: UInt64 = 0) throws -> Container {
        let context = ContainerContext(
            filter: ConnectionFilter(ephemeral: try #require(PortRanges("32768-60999")), tracked: []), hostNetns: 1,
            minimumAge: minimumAge, retention: 1_000, common: LabelSet([("machine_id", "m")]), drops: drops,
            faults: CounterTable())
        return Container(
            lane: lane, context: context, classification: CgroupClassification.classify("/system.slice/x.service"))
    }

    private func event(
        _ type: martlet_event_type, socket: UInt64 = 1, host: UInt8 = 1, port: UInt16 = 80, sent: UInt64 = 0,
        received: UInt64 = 0, retransmits: UInt32 = 0, duration: UInt64 = 0, role: martlet_role = MARTLET_OUTBOUND
    ) -> martlet_tcp {
        var event = martlet_tcp()
        event.header.type = type.rawValue
        event.header.time_ns = MonotonicClock.now()
        event.ends.id = socket
        event.ends.netns = 1
        event.ends.remote_port = port
        withUnsafeMutableBytes(of: &event.ends.remote_address) { bytes in
            bytes.copyBytes(from: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 0, 0, host])
        }
        event.bytes_sent = sent
        event.bytes_received = received
        event.retransmits = retransmits
        event.duration_ns = duration
        event.role = role.rawValue
        return event
    }

    private func series(_ container: Container) async -> MetricsSnapshot {
        await container.identify(ContainerIdentity(containerID: "/docker/x"), metadata: ContainerMetadata())
        return await container.snapshot(now: MonotonicClock.bootTime())
    }

    @Test func countsAConnectionFromItsBeginningToItsEnd() async throws {
        let container = try container()
        await container.apply(event(MARTLET_TCP_ESTABLISHED, duration: 2_000_000))
        await container.apply(event(MARTLET_TCP_ESTABLISHED, socket: 2, duration: 1_000_000))
        await container.sample(martlet_tcp_sample(id: 1, bytes_sent: 10, bytes_received: 5, retransmits: 1))
        await container.apply(event(MARTLET_TCP_CLOSED, sent: 100, received: 50, retransmits: 3))
        let snapshot = await series(container)
        #expect(snapshot[.containerNetTcpSuccessfulConnectsTotal].map(\.value) == [2])
        #expect(snapshot[.containerNetTcpActiveConnections].map(\.value) == [1])
        #expect(snapshot[.containerNetTcpConnectionTimeSecondsTotal].map(\.value) == [0.003])
        #expect(snapshot[.containerNetTcpBytesSentTotal].map(\.value) == [100])
        #expect(snapshot[.containerNetTcpBytesReceivedTotal].map(\.value) == [50])
        #expect(snapshot[.containerNetTcpRetransmitsTotal].map(\.value) == [3])
        let labels = try #require(snapshot[.containerNetTcpBytesSentTotal].first?.labels)
        #expect(labels["destination"] == "10.0.0.1:80" && labels["actual_destination"] == "10.0.0.1:80")
        #expect(labels["container_id"] == "/docker/x" && labels["machine_id"] == "m" && labels["app_id"] == "")
    }

    @Test func anEndWithoutABeginningCountsWhole() async throws {
        let container = try container()
        await container.apply(event(MARTLET_TCP_CLOSED, sent: 7, received: 9))
        let snapshot = await series(container)
        #expect(snapshot[.containerNetTcpSuccessfulConnectsTotal].map(\.value) == [1])
        #expect(snapshot[.containerNetTcpActiveConnections].map(\.value) == [0])
        #expect(snapshot[.containerNetTcpBytesSentTotal].map(\.value) == [7])
    }

    @Test func failuresStandAlone() async throws {
        let container = try container()
        for _ in 0..<3 { await container.apply(event(MARTLET_TCP_FAILED)) }
        let snapshot = await series(container)
        #expect(snapshot[.containerNetTcpFailedConnectsTotal].map(\.value) == [3])
        #expect(snapshot[.containerNetTcpSuccessfulConnectsTotal].isEmpty)
        #expect(snapshot[.containerNetTcpFailedConnectsTotal].first?.labels["actual_destination"] == nil)
    }

    @Test func inboundConnectionsMakeNoDestination() async throws {
        let container = try container()
        await container.apply(event(MARTLET_TCP_ACCEPTED, role: MARTLET_INBOUND))
        await container.apply(event(MARTLET_TCP_CLOSED, sent: 3, received: 4, role: MARTLET_INBOUND))
        let snapshot = await series(container)
        #expect(snapshot[.containerNetTcpSuccessfulConnectsTotal].isEmpty)
        #expect(snapshot[.martletContainerAcceptedConnectionsTotal].map(\.value) == [1])
        #expect(snapshot[.martletContainerInboundBytesTotal].map(\.value) == [3, 4])
    }

    @Test func listeningAddressesStayAsClosed() async throws {
        let container = try container()
        var ends = event(MARTLET_TCP_LISTEN_OPEN).ends
        ends.local_address = ends.remote_address
        ends.local_port = 8080
        await container.listenOpened(ends)
        #expect(await series(container)[.containerNetTcpListenInfo].map(\.value) == [1])
        await container.listenClosed(ends.id)
        let closed = await series(container)[.containerNetTcpListenInfo]
        #expect(closed.map(\.value) == [0])
        #expect(closed.first?.labels["listen_addr"] == "10.0.0.1:8080" && closed.first?.labels["proxy"] == "")
    }

    @Test func restarts() async throws {
        let second: UInt64 = 1_000_000_000
        let container = try container()
        await container.processStarted(1, 10 * second)
        await container.processStarted(2, 11 * second)
        #expect(await container.restarts == 0)
        // The runtime's first process gives way to the container's own: no restart.
        await container.processLeft(1, at: 11 * second)
        await container.processStarted(3, 12 * second)
        #expect(await container.restarts == 0)
        // Everything ends, and begins again.
        await container.processLeft(2, at: 13 * second)
        await container.processLeft(3, at: 13 * second)
        await container.processStarted(4, 13 * second + 1)
        #expect(await container.restarts == 1)
        // The main process is replaced while a newer one lives on.
        await container.processStarted(5, 20 * second)
        await container.processLeft(4, at: 21 * second)
        await container.processStarted(6, 22 * second)
        #expect(await container.restarts == 2)
    }

    /// In its first two seconds a container that seems to stand empty may have a process whose beginning is not read yet.
    @Test func restartsOfAYoungContainer() async throws {
        let second: UInt64 = 1_000_000_000
        let container = try container()
        await container.processStarted(1, 10 * second)
        await container.processLeft(1, at: 11 * second)
        await container.processStarted(2, 11 * second + 1)
        await container.judgeRestarts()
        #expect(await container.restarts == 0)
        await container.judgeRestarts()
        #expect(await container.restarts == 1)
        await container.judgeRestarts()
        #expect(await container.restarts == 1)
    }

    @Test func ageHidesYoungContainers() async throws {
        let container = try container(minimumAge: 3_600_000_000_000)
        await container.processStarted(1, MonotonicClock.bootTime())
        #expect(await series(container).count == 0)
    }

    @Test func garbage() async throws {
        let container = try container()
        await container.apply(event(MARTLET_TCP_ESTABLISHED, host: 1))
        await container.apply(event(MARTLET_TCP_FAILED, socket: 2, host: 2))
        let later = MonotonicClock.now() + 1_000_000
        await container.collectGarbage(now: later, lost: [])
        #expect(await container.destinations.count == 1)
        await container.collectGarbage(now: later, lost: [1])
        #expect(await container.destinations.isEmpty)
        #expect(drops.all() == ["socket_end_missed": 1])
    }

    @Test func mergeAddsEverythingUp() async throws {
        let (old, new) = (try container(), try container())
        await old.apply(event(MARTLET_TCP_ESTABLISHED, socket: 1))
        await new.apply(event(MARTLET_TCP_ESTABLISHED, socket: 2))
        await new.merge(into: old)
        // What still comes to the second object counts for the first.
        await new.apply(event(MARTLET_TCP_CLOSED, socket: 2, sent: 5))
        let snapshot = await series(old)
        #expect(snapshot[.containerNetTcpSuccessfulConnectsTotal].map(\.value) == [2])
        #expect(snapshot[.containerNetTcpActiveConnections].map(\.value) == [1])
        #expect(snapshot[.containerNetTcpBytesSentTotal].map(\.value) == [5])
    }

    @Test func tablesAreBounded() async throws {
        let container = try container()
        for port in 1...200 {
            for host in 0..<60 {
                await container.apply(event(MARTLET_TCP_FAILED, host: UInt8(host), port: UInt16(port)))
            }
        }
        #expect(await container.destinations.count == Container.maximumDestinations)
        #expect(drops.all()["destinations_full"] == 2_000)
    }
}
