import Linux
import TestSupport
import Testing

@testable import Containers
@testable import Exchange

private let id = String(repeating: "ab", count: 32)

extension RuntimeTests {
    @Suite struct ContainerdSocketTests {
        private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
            var length = bytes.count
            var result = [number << 3 | 2]
            while length >= 128 {
                result.append(UInt8(length & 127) | 128)
                length >>= 7
            }
            result.append(UInt8(length))
            return result + bytes
        }

        private static func entry(_ key: String, _ value: [UInt8]) -> [UInt8] {
            field(1, Array(key.utf8)) + field(2, value)
        }

        private static func message(id: String = id) -> [UInt8] {
            let spec = entry(
                "types.containerd.io/opencontainers/runtime-spec/1/Spec", Array(OCIBundleTests.containerd.utf8))
            let extensionValue = entry(
                "x", Array(#"{"Version":"v1","Metadata":{"LogPath":"/var/log/pods/p/app/0.log"}}"#.utf8))
            return field(
                1,
                field(1, Array(id.utf8)) + field(2, entry("io.kubernetes.pod.name", Array("web-0".utf8)))
                    + field(2, entry("io.kubernetes.pod.namespace", Array("prod".utf8)))
                    + field(2, entry("io.kubernetes.container.name", Array("app".utf8)))
                    + field(3, Array("docker.io/library/nginx:1.27".utf8)) + field(5, spec)
                    + [0x40, 0x96, 1] + field(10, entry("io.cri-containerd.container.metadata", extensionValue)))
        }

        private static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, _ payload: [UInt8]) -> [UInt8] {
            [0, UInt8(payload.count >> 8), UInt8(payload.count & 255), type, flags, 0, 0, 0, stream] + payload
        }

        private static func data(_ message: [UInt8]) -> [UInt8] {
            [0, 0, 0, UInt8(message.count >> 8), UInt8(message.count & 255)] + message
        }

        private func inspect(
            milliseconds: UInt64 = 2000, _ serve: @escaping @Sendable (Int32) -> Void
        ) throws -> ContainerMetadata {
            let fixture = try FixtureDirectory()
            let server = try UnixServer(fixture.path + "/s") { client in
                UnixServer.request(client)
                serve(client)
            }
            defer { server.stop() }
            let client = UnaryGRPC(socketPath: "/s", root: RootDirectory(fixture.path), messageLimit: 100_000)
            let start = MonotonicClock.now()
            defer { #expect(MonotonicClock.now() - start < (milliseconds + 1000) * 1_000_000) }
            return try ContainerdSocket(client: client, namespace: "k8s.io")
                .inspect(id, deadline: start + milliseconds * 1_000_000)
        }

        @Test func aContainer() throws {
            let metadata = try inspect { client in
                let message = Self.data(Self.message())
                UnixServer.send(client, Self.frame(4, []) + Self.frame(4, flags: 1, []))
                UnixServer.send(client, Self.frame(6, [1, 2, 3, 4, 5, 6, 7, 8]) + Self.frame(8, [0, 0, 1, 0]))
                UnixServer.send(client, Self.frame(1, flags: 4, stream: 1, [0x88]))
                // In two pieces, one of them padded, with another stream's noise between.
                UnixServer.send(client, Self.frame(0, flags: 8, stream: 1, [3] + message[..<100] + [0, 0, 0]))
                UnixServer.send(client, Self.frame(0, stream: 3, [9, 9, 9]))
                UnixServer.send(client, Self.frame(0, stream: 1, Array(message[100...])))
                UnixServer.send(client, Self.frame(1, flags: 5, stream: 1, [0x88]))
                UnixServer.waitForEnd(client)
            }
            #expect(metadata.labels["io.kubernetes.pod.name"] == "web-0")
            #expect(metadata.labels["io.kubernetes.container.name"] == "app")
            #expect(metadata.image == "docker.io/library/nginx:1.27")
            #expect(metadata.logPath == "/var/log/pods/p/app/0.log")
            #expect(metadata.mounts["/data"] == "/mnt/data")
            #expect(metadata.environment == ["COROOT_LOG_MONITORING": "disabled"])
        }

        @Test func anErrorHasNoMessage() {
            #expect(throws: ExchangeError.notFound) {
                _ = try inspect { client in
                    UnixServer.send(client, Self.frame(4, []) + Self.frame(1, flags: 5, stream: 1, [0x88]))
                    UnixServer.waitForEnd(client)
                }
            }
        }

        static let hostile: [[UInt8]] = [
            [], Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), frame(7, [0, 0, 0, 0, 0, 0, 0, 1]),
            frame(3, stream: 1, [0, 0, 0, 1]), [255, 255, 255, 0, 0, 0, 0, 0, 1],
            frame(0, flags: 9, stream: 1, [255, 1]), frame(0, flags: 9, stream: 1, []),
            frame(0, flags: 1, stream: 1, [0]),
            frame(0, flags: 1, stream: 1, [1] + data(message()).dropFirst()),
            frame(0, flags: 1, stream: 1, [0, 255, 255, 255, 255, 1, 2]), frame(0, flags: 1, stream: 1, data([])),
            frame(0, flags: 1, stream: 1, data([0xff, 0xff, 0xff])),
            frame(0, flags: 1, stream: 1, data(message(id: "other"))), [0, 0, 5, 0, 0],
        ]

        @Test(arguments: hostile)
        func malformed(_ answer: [UInt8]) {
            let error = #expect(throws: ExchangeError.self) { _ = try inspect { UnixServer.send($0, answer) } }
            guard case .malformed = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }

        @Test func endlessFrames() {
            #expect(throws: ExchangeError.timedOut) {
                _ = try inspect(milliseconds: 300) { client in
                    while UnixServer.send(client, Self.frame(8, [0, 0, 0, 1])) {}
                }
            }
            #expect(throws: ExchangeError.tooLarge(limit: 100_000)) {
                _ = try inspect { client in
                    while UnixServer.send(client, Self.frame(0, stream: 1, [UInt8](repeating: 0, count: 10_000))) {}
                }
            }
            // A server that never reads its acknowledgements.
            #expect(throws: ExchangeError.timedOut) {
                _ = try inspect(milliseconds: 300) { client in
                    while UnixServer.send(client, Self.frame(6, [1, 2, 3, 4, 5, 6, 7, 8])) {}
                }
            }
        }

        @Test func hangs() {
            #expect(throws: ExchangeError.timedOut) { _ = try inspect(milliseconds: 200) { UnixServer.waitForEnd($0) } }
        }

        @Test func mutatedMessagesNeverCrash() {
            let seed = Self.message()
            var generator = SystemRandomNumberGenerator()
            for _ in 0..<5000 {
                var bytes = seed
                for _ in 0..<Int.random(in: 1...6, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                _ = try? ContainerdSocket.parse(
                    Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator))), id: id)
            }
        }
    }
}
