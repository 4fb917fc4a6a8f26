import Foundation
import Testing

extension SystemTests {
    /// Real brokers and real clients: what was asked, produced and consumed is what is counted.
    @Suite struct BrokerRequests {
        /// Some brokers choose their port among the ephemeral ones.
        private static func scene(_ name: String) throws -> RequestScene {
            try RequestScene(name, ["--ephemeral-port-range=60998-60999"])
        }

        @Test func `NATS`() throws {
            let scene = try Self.scene("nats")
            defer { scene.remove() }
            try scene.serve(["nats-server", "-a", "127.0.0.1", "-p", "\(scene.port)"])
            // One by one, and several commands in a segment.
            let program = """
                import socket, sys
                s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                f = s.makefile("rb")
                f.readline()
                s.sendall(b'CONNECT {"verbose":false}\\r\\nPING\\r\\nSUB a.* 1\\r\\n')
                def got(count):
                    while count:
                        line = f.readline()
                        if line.startswith(b"MSG "):
                            f.read(int(line.split()[-1]) + 2)
                            count -= 1
                for n in range(500):
                    payload = b"PUB x 1\\r\\n" * (n % 30)
                    s.sendall(b"PUB a.%d %d\\r\\n%s\\r\\n" % (n, len(payload), payload))
                    got(1)
                for n in range(50):
                    s.sendall(b"PUB a.b 5\\r\\nhello\\r\\n" * 20)
                    got(20)
                """
            try scene.ask(["python3", "-c", program, "\(scene.port)"])
            let found = try scene.counted("nats_messages", by: "method", of: scene.client, total: 3000)
            #expect(found == ["produce": 1500, "consume": 1500])
        }

        @Test func `RabbitMQ`() throws {
            let scene = try Self.scene("rabbitmq")
            defer { scene.remove() }
            let folder = try scene.scratch.folder("broker")
            chmod(scene.scratch.path, 0o755)
            try Command.check(["chown", "rabbitmq", folder])
            let ports = (peers: try Machine.freePort(), names: try Machine.freePort())
            try scene.serve([
                "runuser", "-u", "rabbitmq", "--", "env", "HOME=\(folder)",
                "RABBITMQ_NODENAME=t\(scene.port)@localhost",
                "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", "RABBITMQ_NODE_PORT=\(scene.port)",
                "RABBITMQ_DIST_PORT=\(ports.peers)", "ERL_EPMD_ADDRESS=127.0.0.1", "ERL_EPMD_PORT=\(ports.names)",
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
                "RABBITMQ_MNESIA_BASE=\(folder)/m", "RABBITMQ_LOG_BASE=\(folder)/log",
                "RABBITMQ_ENABLED_PLUGINS_FILE=\(folder)/plugins", "/usr/lib/rabbitmq/bin/rabbitmq-server",
            ])
            let program = """
                import pika, sys, time
                for attempt in range(60):
                    try: c = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", int(sys.argv[1])))
                    except Exception: time.sleep(0.5)
                    else: break
                h = c.channel()
                h.confirm_delivery()
                h.queue_declare("q")
                for n in range(300): h.basic_publish("", "q", b"x" * (n * 7))
                for n in range(100):
                    assert h.basic_get("q", auto_ack=True)[0]
                assert h.basic_qos(prefetch_count=1) is None
                left = 200
                for method, _, body in h.consume("q"):
                    h.basic_ack(method.delivery_tag)
                    left -= 1
                    if not left: break
                c.close()
                """
            try scene.ask(["/usr/bin/python3", "-c", program, "\(scene.port)"])
            let found = try scene.counted("rabbitmq_messages", by: "method", of: scene.client, total: 600)
            #expect(found == ["produce": 300, "consume": 300])
        }

        @Test func `ZooKeeper`() throws {
            let scene = try Self.scene("zookeeper")
            defer { scene.remove() }
            let configuration = try scene.scratch.write(
                """
                tickTime=2000
                dataDir=\(try scene.scratch.folder("data"))
                clientPort=\(scene.port)
                clientPortAddress=127.0.0.1
                admin.enableServer=false
                """, to: "zoo.cfg")
            try scene.serve([
                "java", "-cp", "/usr/share/java/zookeeper.jar:/usr/share/java/*:/etc/zookeeper/conf", "-Xmx256m",
                "org.apache.zookeeper.server.quorum.QuorumPeerMain", configuration,
            ])
            // A session of 40 seconds has no ping in this time.
            let program = """
                import kazoo.client, kazoo.exceptions, sys
                c = kazoo.client.KazooClient("127.0.0.1:" + sys.argv[1], timeout=40)
                c.start(timeout=30)
                for n in range(100):
                    c.create("/k%d" % n, b"x" * n)
                    assert c.get("/k%d" % n)[0] == b"x" * n
                    assert c.exists("/none%d" % n) is None
                    t = c.transaction()
                    t.set_data("/k%d" % n, b"y")
                    t.delete("/gone")
                    assert isinstance(t.commit()[1], kazoo.exceptions.NoNodeError)
                c.stop()
                """
            try scene.ask(["/usr/bin/python3", "-c", program, "\(scene.port)"])
            // The last closes the session. That a node is missing is no fault.
            for (name, container) in [
                ("zookeeper_requests", scene.client), ("zookeeper_inbound_requests", scene.server),
            ] {
                let found = try scene.counted(name, by: "status", of: container, total: 401)
                #expect(found == ["ok": 401], "\(name)")
            }
        }

        @Test func `Kafka`() throws {
            let scene = try Self.scene("kafka")
            defer { scene.remove() }
            let program = scene.scratch.file("mock_kafka")
            try Command.check(["clang", "-O1", "-o", program, Machine.helpers + "/mock_kafka.c", "-lrdkafka"])
            let broker = try scene.server.start([program], in: scene.scratch)
            let isReady = soon(within: 20, every: 0.1) { broker.output.hasSuffix("\n") }
            #expect(isReady)
            let address = broker.output.trimmingCharacters(in: .whitespacesAndNewlines)
            let messages = (0..<500).map { "message \($0)\n" }.joined()
            let input = try scene.scratch.write(messages, to: "input")
            let client = ["kcat", "-b", address, "-t", "orders", "-d", "protocol"]
            let produced = try scene.run(
                ["sh", "-c", "\"$@\" <\(input)", "sh"] + client + ["-P", "-X", "linger.ms=1"])
            let consumed = try scene.run(client + ["-C", "-e", "-o", "beginning"])
            // What the client says that it sent.
            let lines = [produced, consumed].flatMap { $0.errors.split(separator: "\n") }
            let sent = lines.count { $0.contains(": Sent ") }
            // It asks for versions first in a way that this broker refuses.
            let refused = lines.count { $0.contains("failed due to UNSUPPORTED_VERSION") }
            #expect(sent > 5 && refused > 0)
            for (name, container) in [("kafka_requests", scene.client), ("kafka_inbound_requests", scene.server)] {
                let found = try scene.counted(name, by: "status", of: container, total: Double(sent))
                #expect(found.values.reduce(0, +) == Double(sent), "\(name): \(found)")
                #expect(found["failed"] == Double(refused), "\(name): \(found)")
                let answered = (found["ok"] ?? 0) + (found["unanswered"] ?? 0)
                #expect(answered == Double(sent - refused), "\(name): \(found)")
            }
        }

        @Test func `noise is no request`() throws {
            let scene = try Self.scene("noise")
            defer { scene.remove() }
            let sink = """
                import socket, sys, threading
                l = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
                def serve(s):
                    while s.recv(1 << 20): s.sendall(b"\\x93" * 7)
                while True:
                    threading.Thread(target=serve, args=(l.accept()[0],), daemon=True).start()
                """
            try scene.serve(["python3", "-c", sink, "\(scene.port)"])
            // A large connection, and many small ones.
            let program = """
                import os, socket, sys
                def talk(count, size):
                    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                    for _ in range(count): s.sendall(os.urandom(size))
                    s.close()
                talk(190, 1 << 20)
                for _ in range(1000): talk(5, 2000)
                """
            try scene.ask(["python3", "-c", program, "\(scene.port)"], seconds: 120)
            usleep(2_000_000)
            let page = try scene.agent.page()
            let found = page.samples.filter {
                ($0.container == scene.client.path || $0.container == scene.server.path) && $0.value > 0
                    && ($0.name.hasSuffix("_requests_total") || $0.name.hasSuffix("_queries_total")
                        || $0.name.hasSuffix("_messages_total"))
                    && !$0.name.contains("log")
            }
            #expect(found.isEmpty, "\(found)")
        }
    }
}
