import TestSupport
import Testing

@testable import Containers

/// Systemd that is not there or does not answer; a real one answers in the system tests.
@Suite struct SystemdManagerTests {
    private func manager(_ folder: FixtureDirectory, _ change: (inout SystemdManager.Configuration) -> Void = { _ in })
        -> SystemdManager
    {
        var configuration = SystemdManager.Configuration()
        configuration.hostRoot = folder.path
        configuration.sockets = ["/private", "/bus"]
        configuration.timeout = 200_000_000
        change(&configuration)
        return SystemdManager(configuration)
    }

    @Test func noSystemdIsNoFault() async throws {
        let manager = manager(try FixtureDirectory())
        #expect(await manager.properties(of: "a.service") == nil)
        #expect(await manager.properties(of: "a.service") == nil)
        #expect(await manager.properties(of: "") == nil)
        #expect(manager.counters == SystemdManager.Counters(requests: 3, cacheHits: 1, dropped: 0, failures: 0))
    }

    /// Who hangs is waited for once, by however many units, and then left alone.
    @Test func aHangCostsOneTimeout() async throws {
        let folder = try FixtureDirectory()
        let server = try UnixServer(folder.path + "/private") { UnixServer.waitForEnd($0) }
        defer { server.stop() }
        let manager = manager(folder)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask { #expect(await manager.properties(of: "\(number).service") == nil) }
            }
        }
        #expect(await manager.properties(of: "later.service") == nil)
        #expect(manager.counters.failures == 1)
        #expect(server.connections.load(ordering: .relaxed) == 1)
    }

    @Test func aFullQueueIsCounted() async throws {
        let folder = try FixtureDirectory()
        let server = try UnixServer(folder.path + "/private") { UnixServer.waitForEnd($0) }
        defer { server.stop() }
        let manager = manager(folder) { $0.queueLimit = 1 }
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<20 { group.addTask { _ = await manager.properties(of: "\(number).service") } }
        }
        #expect(manager.counters.dropped > 0)
    }

    @Test func refusalsFallThroughToTheBus() async throws {
        let folder = try FixtureDirectory()
        let peer = try UnixServer(folder.path + "/private") { client in
            UnixServer.request(client)
            UnixServer.send(client, "REJECTED EXTERNAL\r\n")
        }
        let bus = try UnixServer(folder.path + "/bus") { UnixServer.request($0) }
        defer {
            peer.stop()
            bus.stop()
        }
        let manager = manager(folder)
        #expect(await manager.properties(of: "a.service") == nil)
        #expect(bus.connections.load(ordering: .relaxed) == 1)
        #expect(manager.counters.failures == 2)
    }

    @Test(arguments: [
        ("/system.slice/nginx.service", "nginx.service"), ("/system.slice/system-a.slice", "system-a.slice"),
        (#"/system.slice/a\x2db.service/sub"#, #"a\x2db.service"#), ("/system.slice/_memory.service", "memory.service"),
        ("/", ""),
    ])
    func units(path: String, unit: String) { #expect(SystemdManager.unit(ofCgroup: path) == unit) }
}
