import CBPF
import Foundation
import Host
import Linux
import Metrics
import Network
import Ring
import Testing

extension KernelTests {
    /// The kernel's connection tracking and Cilium's maps, without and with the way through the agent.
    @Suite struct TranslationTests {
        private static let port = 9000

        /// Connects `translated` times to the service and `direct` times to what is behind it; prints the local ports of the
        /// former.
        private func connects(translated: Int, direct: Int) -> String {
            """
            import socket, resource
            resource.setrlimit(resource.RLIMIT_NOFILE, (16384, 16384))
            s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(('\(PrivateNetwork.actual)', \(Self.port))); s.listen(1024)
            kept = []
            def connect(address):
                c = socket.create_connection(address); a, _ = s.accept(); kept.extend([c, a]); return c
            for i in range(\(direct)): connect(('\(PrivateNetwork.actual)', \(Self.port)))
            print(*[':'.join(map(str, connect(('\(PrivateNetwork.service)', 80)).getsockname())) for i in range(\(translated))])
            """
        }

        private func endpoint(_ text: some StringProtocol) throws -> Endpoint {
            let parts = text.split(separator: ":")
            return Endpoint(
                address: try #require(IPAddress(text: String(parts[0]))), port: try #require(UInt16(parts[1])))
        }

        private func open(_ network: PrivateNetwork, receiveBytes: Int32 = ConntrackSocket.hostQueue) throws
            -> Translations
        {
            let socket = try NetworkNamespace.run(inNetworkNamespaceOf: network.pid) { () throws(Errno) in
                try ConntrackSocket(netns: network.netns, receiveBytes: receiveBytes)
            }
            return try Translations(hostNetns: network.netns, host: socket, cilium: nil, faults: CounterTable())
        }

        @Test func announcesWhatIsTranslatedAndNothingElse() throws {
            let network = try PrivateNetwork(port: Self.port)
            let translations = try open(network)
            let sources = try network.python(connects(translated: 300, direct: 100)).split(
                whereSeparator: \.isWhitespace)
            #expect(sources.count == 300)
            translations.drain()
            #expect(translations.received == 300)
            #expect(translations.overruns == 0)
            let service = try endpoint("\(PrivateNetwork.service):80")
            let actual = try endpoint("\(PrivateNetwork.actual):\(Self.port)")
            for source in sources {
                let found = translations.actual(
                    source: try endpoint(source), destination: service, netns: network.netns)
                #expect(found == actual)
            }
            #expect(translations.queries == 0)
            #expect(translations.count == 0)
        }

        /// The kernel drops messages: that is seen, counted, and made good by asking.
        @Test func lostMessagesAreMadeGood() throws {
            let network = try PrivateNetwork(port: Self.port)
            let translations = try open(network, receiveBytes: 1)
            let sources = try network.python(connects(translated: 300, direct: 0)).split(whereSeparator: \.isWhitespace)
            #expect(sources.count == 300)
            translations.drain()
            #expect(translations.overruns > 0)
            #expect(translations.received < 300)
            let service = try endpoint("\(PrivateNetwork.service):80")
            let actual = try endpoint("\(PrivateNetwork.actual):\(Self.port)")
            for source in sources {
                let found = translations.actual(
                    source: try endpoint(source), destination: service, netns: network.netns)
                #expect(found == actual)
            }
            #expect(translations.queries + translations.received == 300)
            #expect(translations.failedQueries == 0)
            // What the kernel does not know goes where it says.
            let other = try endpoint("\(PrivateNetwork.actual):7")
            #expect(translations.actual(source: other, destination: other, netns: network.netns) == other)
        }

        /// A kernel that is told to announce nothing is asked.
        @Test func aSilentKernelIsAsked() throws {
            let network = try PrivateNetwork(port: Self.port)
            let switchOff = "open('/proc/sys/net/netfilter/nf_conntrack_events', 'w').write('0')\n"
            _ = try network.python(switchOff)
            let translations = try open(network)
            let sources = try network.python(connects(translated: 20, direct: 0)).split(whereSeparator: \.isWhitespace)
            translations.drain()
            #expect(translations.received == 0 && sources.count == 20)
            for source in sources {
                let found = translations.actual(
                    source: try endpoint(source), destination: try endpoint("\(PrivateNetwork.service):80"),
                    netns: network.netns)
                #expect(found == (try endpoint("\(PrivateNetwork.actual):\(Self.port)")))
            }
            #expect(translations.queries == 20)
        }

        /// The same through rings and containers, with a queue that holds a few messages.
        @Test(arguments: [ConntrackSocket.hostQueue, 1])
        func everyConnectionOfAContainerIsTranslated(_ receiveBytes: Int32) async throws {
            let network = try PrivateNetwork(port: Self.port)
            let translations = try open(network, receiveBytes: receiveBytes)
            let rig = try await Rig(translations: translations, hostNetns: network.netns)
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let file = FileManager.default.temporaryDirectory.appending(path: "\(cgroup.unit).py")
            try connects(translated: 1000, direct: 10).write(to: file, atomically: true, encoding: .utf8)
            defer { try? FileManager.default.removeItem(at: file) }
            try cgroup.run("exec \(network.enter) python3 \(file.path)")
            let actual = "\(PrivateNetwork.actual):\(Self.port)"
            let id = cgroup.containerID
            let total = await rig.wait(.containerNetTcpSuccessfulConnectsTotal, of: id, for: 1010)
            #expect(total == 1010)
            let translated = await rig.value(
                .containerNetTcpSuccessfulConnectsTotal, of: id, ("destination", "\(PrivateNetwork.service):80"))
            #expect(translated == 1000)
            let right = await rig.value(
                .containerNetTcpSuccessfulConnectsTotal, of: id, ("actual_destination", actual))
            #expect(right == 1010)
            let series = await rig.drain.snapshot(common: .empty)
            let overruns = series[.martletFaultsTotal].first { $0.labels["kind"] == "conntrack_overrun" }?.value ?? 0
            if receiveBytes > 1 { #expect(overruns == 0) } else { #expect(overruns > 0) }
        }

        /// Maps of the very layouts, pinned where Cilium pins them, in a file system of the test's own.
        @Test func backendsOfCilium() throws {
            let root = FileManager.default.temporaryDirectory.path + "/martlet-bpffs-\(UUID().uuidString.prefix(8))"
            let mount = root + "/sys/fs/bpf"
            try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: true)
            #expect(Glibc.mount("bpf", mount, "bpf", 0, nil) == 0)
            defer {
                umount2(mount, Int32(MNT_DETACH))
                try? FileManager.default.removeItem(atPath: root)
            }
            let globals = mount + "/tc/globals"
            let empty = CiliumMaps(root: root)
            #expect(!empty.isInUse)
            try FileManager.default.createDirectory(atPath: globals, withIntermediateDirectories: true)
            try pin("\(globals)/cilium_ct4_global", [10, 96, 0, 1, 10, 0, 0, 2, 0x9C, 0x40, 0, 80, 6, 4], entry(7))
            try pin("\(globals)/cilium_lb4_backends_v3", [7, 0, 0, 0], [10, 1, 2, 3, 0x1F, 0x90, 6, 0, 0, 0, 0, 0])
            let service6 = [UInt8](arrayLiteral: 0xfd, 0x96) + [UInt8](repeating: 0, count: 13) + [1]
            let client6 = [UInt8](arrayLiteral: 0xfd, 0) + [UInt8](repeating: 0, count: 13) + [2]
            let backend6 = [UInt8](arrayLiteral: 0xfd, 0) + [UInt8](repeating: 0, count: 13) + [9]
            try pin(
                "\(globals)/cilium_ct6_global", service6 + client6 + [0x9C, 0x40, 1, 187, 6, 4], entry(70_000))
            try pin("\(globals)/cilium_lb6_backends_v2", [0x70, 0x11, 1, 0], backend6 + [0x20, 0xFB, 0, 0])

            let maps = CiliumMaps(root: root)
            #expect(maps.isInUse)
            let translations = try Translations(hostNetns: 1, host: nil, cilium: maps, faults: CounterTable())
            let (client, service) = (try endpoint("10.0.0.2:40000"), try endpoint("10.96.0.1:80"))
            #expect(translations.actual(source: client, destination: service, netns: 2).description == "10.1.2.3:8080")
            let other = try endpoint("10.0.0.2:40001")
            #expect(translations.actual(source: other, destination: service, netns: 2) == service)
            let six = Endpoint(address: try #require(IPAddress(client6)), port: 40000)
            let to = Endpoint(address: try #require(IPAddress(service6)), port: 443)
            #expect(translations.actual(source: six, destination: to, netns: 2).description == "[fd00::9]:8443")
            #expect(maps.lookups == 3 && maps.found == 2)
        }

        /// `struct ct_entry` with a backend's number.
        private func entry(_ backend: UInt64) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 56)
            withUnsafeBytes(of: backend) { bytes.replaceSubrange(8..<16, with: $0) }
            return bytes
        }

        private func pin(_ path: String, _ key: [UInt8], _ value: [UInt8]) throws {
            let map = bpf_map_create(
                BPF_MAP_TYPE_HASH, "cilium_test", UInt32(key.count), UInt32(value.count), 16, nil)
            #expect(map >= 0)
            defer { close(map) }
            #expect(bpf_map_update_elem(map, key, value, 0) == 0)
            #expect(bpf_obj_pin(map, path) == 0)
        }
    }
}
