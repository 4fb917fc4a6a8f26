import Linux
import Synchronization
import TestSupport
import Testing

@testable import Containers

private func id(_ number: Int) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 64 - digits.count) + digits
}

extension RuntimeTests {
    @Suite struct MetadataResolverTests {
        private func configuration(_ fixture: FixtureDirectory) throws -> MetadataResolver.Configuration {
            try fixture.write("root/etc/hostname", "x")
            try fixture.write("proc/version", "x")
            var configuration = MetadataResolver.Configuration()
            configuration.hostRoot = fixture.path + "/root"
            configuration.procRoot = fixture.path + "/proc"
            configuration.timeout = 400_000_000
            configuration.dockerSockets = ["/docker"]
            configuration.crioSockets = ["/crio"]
            configuration.containerdSockets = ["/containerd"]
            return configuration
        }

        private func docker(_ number: Int) -> CgroupClassification { .classify("/docker/\(id(number))") }

        private func crio(_ number: Int) -> CgroupClassification { .classify("/kubepods/pod1/crio-\(id(number))") }

        private static func answer(_ client: Int32, _ body: String) {
            UnixServer.request(client)
            UnixServer.send(client, "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }

        @Test func diskIsAskedFirst() async throws {
            let fixture = try FixtureDirectory()
            try fixture.write(
                "root/var/lib/docker/containers/\(id(1))/config.v2.json",
                #"{"ID": "\#(id(1))", "Name": "/web", "Config": {"Image": "nginx"}}"#)
            let server = try UnixServer(fixture.path + "/docker-real") { UnixServer.waitForEnd($0) }
            defer { server.stop() }
            let resolver = MetadataResolver(try configuration(fixture))
            guard case .found(let metadata) = await resolver.resolve(docker(1), pid: 1) else {
                Issue.record("not found")
                return
            }
            #expect(metadata.name == "web")
            #expect(metadata.image == "nginx")
            #expect(resolver.counters.found == [.disk: 1])
            #expect(resolver.counters.failures.isEmpty)
        }

        @Test func theSocketFillsWhatTheDiskLacks() async throws {
            let fixture = try FixtureDirectory()
            let configuration = try configuration(fixture)
            let server = try UnixServer(fixture.path + "/root/docker") {
                Self.answer($0, #"{"Name": "/asked", "Config": {"Image": "nginx"}}"#)
            }
            defer { server.stop() }
            let resolver = MetadataResolver(configuration)
            guard case .found(let metadata) = await resolver.resolve(docker(1), pid: 1) else {
                Issue.record("not found")
                return
            }
            #expect(metadata.name == "asked")
            #expect(resolver.counters.found == [.docker: 1])
        }

        @Test func annotationsWithoutAnImageDoNotNeedTheDaemon() async throws {
            let fixture = try FixtureDirectory()
            let configuration = try configuration(fixture)
            let classification = CgroupClassification.classify("/kubepods/pod1/cri-containerd-\(id(1))")
            try fixture.write(
                "root/run/containerd/io.containerd.runtime.v2.task/k8s.io/\(id(1))/config.json",
                #"""
                {"annotations": {"io.kubernetes.cri.container-name": "app", "io.kubernetes.cri.sandbox-name": "web-0",
                 "io.kubernetes.cri.sandbox-namespace": "prod"}}
                """#)
            let resolver = MetadataResolver(configuration)
            guard case .found(let metadata) = await resolver.resolve(classification, pid: 1) else {
                Issue.record("not found")
                return
            }
            #expect(ContainerIdentity(classification, metadata: metadata, now: 0)?.containerID == "/k8s/prod/web-0/app")
        }

        @Test func notFoundIsRememberedForAWhile() async throws {
            let fixture = try FixtureDirectory()
            var configuration = try configuration(fixture)
            configuration.negativeLifetime = 1_000_000_000
            configuration.negativeLimit = 3
            let resolver = MetadataResolver(configuration)
            let first = await resolver.resolve(docker(1), pid: 1)
            guard case .notFound(let reason) = first else {
                Issue.record("\(first)")
                return
            }
            #expect(reason.contains(id(1)) && !reason.contains("\n"))
            #expect(await resolver.resolve(docker(1), pid: 1) == first)
            #expect(resolver.counters.cacheHits == 1)
            try await Task.sleep(for: .milliseconds(1100))
            _ = await resolver.resolve(docker(1), pid: 1)
            #expect(resolver.counters.cacheHits == 1)
            for number in 0..<100 { _ = await resolver.resolve(docker(number), pid: 1) }
            #expect(resolver.counters.requests >= 103)
        }

        @Test func kindsWithoutMetadataAskNobody() async throws {
            let fixture = try FixtureDirectory()
            let resolver = MetadataResolver(try configuration(fixture))
            for path in ["/", "/system.slice/nginx.service", "/lxc.payload.web"] {
                guard case .notFound = await resolver.resolve(.classify(path), pid: 1) else {
                    Issue.record("\(path)")
                    continue
                }
            }
            #expect(resolver.counters.requests == 0)
        }

        @Test func aHangingSocketDelaysOnlyItsOwn() async throws {
            let fixture = try FixtureDirectory()
            var configuration = try configuration(fixture)
            configuration.timeout = 2_000_000_000
            let hanging = try UnixServer(fixture.path + "/root/docker") { UnixServer.waitForEnd($0) }
            let working = try UnixServer(fixture.path + "/root/crio") {
                Self.answer(
                    $0, #"{"name": "k8s_app", "image": "quay.io/x", "labels": {"io.kubernetes.pod.name": "web-0"}}"#)
            }
            defer {
                hanging.stop()
                working.stop()
            }
            let resolver = MetadataResolver(configuration)
            let start = MonotonicClock.now()
            async let slow = resolver.resolve(docker(1), pid: 1)
            async let queued = resolver.resolve(docker(2), pid: 1)
            try await Task.sleep(for: .milliseconds(20))
            guard case .found(let metadata) = await resolver.resolve(crio(3), pid: 1) else {
                Issue.record("CRI-O's container was not found")
                return
            }
            #expect(metadata.image == "quay.io/x")
            #expect(MonotonicClock.now() - start < 900_000_000)
            guard case .failed = await slow, case .failed = await queued else {
                Issue.record("a hanging socket is a failure")
                return
            }
            #expect(MonotonicClock.now() - start < 3_500_000_000)
            // From now on the socket is left alone: no waiting, no connection.
            let connections = hanging.connections.load(ordering: .relaxed)
            let again = MonotonicClock.now()
            guard case .failed(let reason) = await resolver.resolve(docker(4), pid: 1) else {
                Issue.record("found")
                return
            }
            #expect(reason.contains("docker: left alone after a time-out"))
            #expect(MonotonicClock.now() - again < 900_000_000)
            #expect(hanging.connections.load(ordering: .relaxed) == connections)
            #expect((resolver.counters.failures[.docker] ?? 0) >= 2)
        }

        @Test func fullQueuesDropAndCount() async throws {
            let fixture = try FixtureDirectory()
            var configuration = try configuration(fixture)
            configuration.queueLimit = 2
            let hanging = try UnixServer(fixture.path + "/root/crio") { UnixServer.waitForEnd($0) }
            defer { hanging.stop() }
            let resolver = MetadataResolver(configuration)
            let results = await withTaskGroup(of: Resolution.self) { group in
                for number in 0..<50 { group.addTask { await resolver.resolve(crio(number), pid: 1) } }
                return await group.reduce(into: [Resolution]()) { $0.append($1) }
            }
            #expect(results.count == 50)
            #expect(
                results.allSatisfy { if case .failed = $0 { true } else if case .busy = $0 { true } else { false } })
            // Nobody was asked about these, so nothing is known of them: the next look-up asks.
            #expect(results.contains { if case .busy = $0 { true } else { false } })
            #expect(resolver.counters.dropped > 0)
        }

        @Test func manyContainersAtOnce() async throws {
            let fixture = try FixtureDirectory()
            var configuration = try configuration(fixture)
            configuration.timeout = 5_000_000_000
            let server = try UnixServer(fixture.path + "/root/crio") { Self.answer($0, #"{"name": "x"}"#) }
            defer { server.stop() }
            let resolver = MetadataResolver(configuration)
            let found = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<500 {
                    group.addTask {
                        if case .found = await resolver.resolve(crio(number), pid: 1) { true } else { false }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(found == 500)
        }
    }
}
