import Glibc
import Host
import Linux
import Metrics
import Ring
import TestSupport
import Testing

@testable import Containers

extension RuntimeTests {
    /// Thousands of containers at once, through the registry and the resolver.
    @Suite struct ManyContainersTests {
        private static func id(_ number: Int) -> String {
            let digits = String(number, radix: 16)
            return String(repeating: "0", count: 64 - digits.count) + digits
        }

        /// What a Docker daemon says of any container.
        private static func answer(_ client: Int32) {
            let request = String(decoding: UnixServer.request(client), as: UTF8.self)
            let id = request.split(separator: "/").dropFirst(2).first.map(String.init) ?? ""
            let body = #"{"Id": "\#(id)", "Name": "/web-\#(id.suffix(6))", "Config": {"Image": "bb:1"}}"#
            UnixServer.send(client, "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }

        private struct Rig {
            let registry: Registry
            let resolver: MetadataResolver
            let faults = CounterTable()
            let drops = CounterTable()

            init(_ fixture: FixtureDirectory, identity: IdentityOptions = IdentityOptions()) throws {
                try fixture.write("root/etc/hostname", "x")
                try fixture.write("proc/version", "x")
                var configuration = MetadataResolver.Configuration()
                configuration.hostRoot = fixture.path + "/root"
                configuration.procRoot = fixture.path + "/proc"
                configuration.negativeLifetime = 400_000_000
                configuration.dockerSockets = ["/docker"]
                configuration.containerdSockets = ["/containerd"]
                resolver = MetadataResolver(configuration)
                let lane = try Lane(name: "test")
                try lane.start()
                let layout = try CgroupLayout.detect()
                let context = ContainerContext(
                    filter: ConnectionFilter(ephemeral: .none, tracked: []), hostNetns: 1, minimumAge: 0,
                    retention: 600_000_000_000, common: .empty, drops: drops, faults: faults, labels: identity.labels)
                registry = Registry(
                    lane: lane,
                    configuration: RegistryConfiguration(
                        context: context, layout: layout, containerFilter: try ContainerFilter(),
                        serviceFilter: SystemdServiceFilter(), identity: identity),
                    resolver: resolver,
                    collector: ResourceCollector(lane: lane, layout: layout, common: .empty, faults: faults))
            }

            /// A cgroup of both hierarchies with one process in it.
            func add(_ number: Int, path: String) async {
                await registry.cgroupMade(hierarchy: 0, id: UInt64(number + 10), path: path)
                // Beyond any process id that this machine gives out.
                await registry.processPlaced(
                    pid: UInt32(number + (1 << 23)), start: 1, cgroup: UInt64(number + 10), memoryCgroup: 0, at: 1)
            }

            func expect(reported count: Int, within seconds: Int) async throws -> Duration {
                let clock = ContinuousClock()
                let start = clock.now
                while clock.now - start < .seconds(seconds) {
                    if await registry.counts.reported == count { return clock.now - start }
                    try await Task.sleep(for: .milliseconds(50))
                }
                let counts = await registry.counts
                Issue.record("\(counts) after \(seconds) s; \(resolver.counters)")
                return clock.now - start
            }

            func identifiers() async -> Set<String> {
                let samples = await registry.snapshot().series[.containerRestartsTotal]
                return Set(samples.compactMap { $0.labels["container_id"] })
            }
        }

        /// What one queue does not hold waits outside of it; nothing is lost and nothing is given up.
        @Test func dockerWithFiveThousand() async throws {
            let fixture = try FixtureDirectory()
            try fixture.write("root/etc/hostname", "x")
            let server = try UnixServer(fixture.path + "/root/docker") { client in
                // As slow as a real one, so that more wait than a queue holds.
                usleep(2000)
                Self.answer(client)
            }
            defer { server.stop() }
            let rig = try Rig(fixture)
            for number in 0..<5000 { await rig.add(number, path: "/docker/\(Self.id(number))") }
            let time = try await rig.expect(reported: 5000, within: 120)
            let counters = rig.resolver.counters
            print(
                "5,000 containers of a Docker daemon: \(time), \(counters.dropped) sent back, \(counters.requests) requests"
            )
            #expect(counters.found[.docker] == 5000)
            #expect(counters.dropped > 0, "the queue of 1,024 held them all: the test shows nothing")
            #expect(rig.faults.all()["metadata_unresolved"] == nil)
            #expect(rig.drops.all().isEmpty)
            #expect(await rig.identifiers().count == 5000)
        }

        /// 10,000 containers: time and memory.
        @Test func tenThousandCgroups() async throws {
            let fixture = try FixtureDirectory()
            try fixture.write("root/etc/hostname", "x")
            let server = try UnixServer(fixture.path + "/root/docker") { Self.answer($0) }
            defer { server.stop() }
            let rig = try Rig(fixture)
            let before = SelfUsage.read().residentBytes
            for number in 0..<10_000 { await rig.add(number, path: "/docker/\(Self.id(number))") }
            let time = try await rig.expect(reported: 10_000, within: 180)
            let grown = Int(SelfUsage.read().residentBytes) - Int(before)
            print("10,000 containers: \(time), \(grown / 10_000) bytes each")
            #expect(grown < 10_000 * 20_000)
            let names = await rig.identifiers()
            #expect(names.count == 10_000)
            #expect(names.contains("/docker/web-00270f"))
            #expect(rig.drops.all().isEmpty)
        }

        /// Paths that look like containerd's and are not: given up, forgotten, remembered as such.
        @Test func candidatesThatNobodyConfirms() async throws {
            let fixture = try FixtureDirectory()
            let rig = try Rig(fixture)
            for number in 0..<200 { await rig.add(number, path: "/tool/worker-\(number)") }
            #expect(await rig.registry.counts.pending == 200)
            let clock = ContinuousClock()
            let start = clock.now
            while await rig.registry.counts.pending > 0, clock.now - start < .seconds(20) {
                try await Task.sleep(for: .milliseconds(50))
            }
            var counts = await rig.registry.counts
            #expect(counts.pending == 0)
            #expect(counts.processes == 0)
            #expect(counts.reported == 0)
            let asked = rig.resolver.counters.requests
            for number in 0..<200 { await rig.add(number, path: "/tool/worker-\(number)") }
            try await Task.sleep(for: .milliseconds(300))
            counts = await rig.registry.counts
            #expect(counts.pending == 0)
            #expect(rig.resolver.counters.requests == asked)
        }

        /// The same path, once containerd's state is there.
        @Test func aCandidateThatContainerdConfirms() async throws {
            let fixture = try FixtureDirectory()
            try fixture.write(
                "root/run/containerd/io.containerd.runtime.v2.task/shop/web/config.json",
                #"{"linux": {"cgroupsPath": "/shop/web"}, "annotations": {}}"#)
            try fixture.write(
                "root/run/containerd/io.containerd.runtime.v2.task/shop/other/config.json",
                #"{"linux": {"cgroupsPath": "/elsewhere/other"}}"#)
            let rig = try Rig(fixture)
            await rig.add(1, path: "/shop/web")
            await rig.add(2, path: "/shop/other")
            _ = try await rig.expect(reported: 1, within: 10)
            #expect(await rig.identifiers() == ["/containerd/shop/web"])
        }

        /// A path of 4 KiB is a path.
        @Test func longPaths() async throws {
            let rig = try Rig(try FixtureDirectory())
            await rig.add(1, path: "/system.slice/" + String(repeating: "x", count: 4096 - 22) + ".service")
            await rig.add(2, path: "/docker/\(Self.id(2))/" + String(repeating: "y/", count: 2000))
            await rig.add(3, path: "/" + String(repeating: "z/", count: 2048))
            _ = try await rig.expect(reported: 1, within: 5)
        }
    }
}
