import Foundation
import Testing

extension SystemTests {
    /// Real databases and real clients: what was asked is what is counted, at both ends, with its status.
    @Suite struct DatabaseRequests {
        @Test(arguments: ["simple", "extended", "prepared"]) func `PostgreSQL`(_ mode: String) throws {
            let scene = try RequestScene("postgres")
            defer { scene.remove() }
            try scene.serve(PostgresServer.command(in: scene.scratch, port: scene.port))
            let address = PostgresServer.address(port: scene.port)
            if mode == "simple" {
                let statements = ["create table t(a int)", "insert into t values (1), (2)", "select 1; select 2"]
                try scene.ask(["psql", "-X", "-q", address] + statements.flatMap { ["-c", $0] })
                // Each is asked, and each fails.
                for _ in 0..<10 { try scene.ask(["psql", "-X", "-q", address, "-c", "select nothing"], status: 1) }
                // Errors after more rows than are captured, and long answers without.
                for rows in [100, 1000, 10_000] {
                    let statement = "select 1 / (\(rows) - a), a from generate_series(1, \(rows)) a"
                    for _ in 0..<5 { try scene.ask(["psql", "-X", "-q", address, "-c", statement], status: 1) }
                    try scene.ask(
                        ["psql", "-X", "-q", address]
                            + Array(repeating: ["-c", "select a, 1 from generate_series(1, \(rows)) a"], count: 5)
                            .flatMap(\.self))
                }
            }
            let script = try scene.scratch.write("select 1;\nselect count(*) from pg_class;\n", to: "script")
            try scene.ask([
                "pgbench", "-n", "-c", "4", "-j", "2", "-t", "250", "-M", mode, "-f", script, address,
            ])
            // Two statements are prepared by each of the four.
            let others: [String: [String: Double]] = [
                "simple": ["ok": 2018, "failed": 25], "extended": ["ok": 2000], "prepared": ["ok": 2008],
            ]
            try scene.expect("postgres", others[mode] ?? [:])
        }

        /// Packets of one connection that two CPUs take, one after the other, at once, or in another order.
        @Test func `PostgreSQL, while both ends move from CPU to CPU`() throws {
            let scene = try RequestScene("moving")
            defer { scene.remove() }
            try scene.serve(PostgresServer.command(in: scene.scratch, port: scene.port))
            let mover = """
                import os, random, sys, time
                while True:
                    for path in sys.argv[1:]:
                        for line in open(path):
                            try: os.sched_setaffinity(int(line), {random.randrange(os.cpu_count())})
                            except OSError: pass
                    time.sleep(0.002)
                """
            let files = try [scene.server, scene.client].map { try #require($0.file("cgroup.procs")) }
            _ = try scene.server.start(["python3", "-c", mover] + files, in: scene.scratch)
            for _ in 0..<2 { _ = try scene.server.start(["sh", "-c", "while :; do :; done"], in: scene.scratch) }
            // A connection for each two statements, one of which fails after its rows.
            let rows = "from generate_series(1, 20000) a;\n"
            let pair = "\\c\nselect 1 / (20000 - a), a \(rows)select a, 1 \(rows)"
            let script = try scene.scratch.write(String(repeating: pair, count: 40), to: "script")
            let address = PostgresServer.address(port: scene.port)
            let clients = try (0..<3).map { _ in
                try scene.client.start(
                    ["psql", "-X", "-q", "-o", "/dev/null", "-f", script, address], in: scene.scratch)
            }
            for client in clients { #expect(client.wait(seconds: 120) == 0, "\(client.errors.suffix(500))") }
            let expected = ["ok": 120.0, "failed": 120.0]
            for (name, container) in [("queries", scene.client), ("inbound_queries", scene.server)] {
                let counted = try scene.counted("postgres_" + name, by: "status", of: container, total: 240)
                #expect(counted == expected, "\(name)")
            }
        }

        @Test func `MariaDB`() throws {
            let scene = try RequestScene("mysql")
            defer { scene.remove() }
            let folder = scene.scratch.file("data")
            chmod(scene.scratch.path, 0o755)
            try Command.check(["install", "-d", "-o", "mysql", folder])
            try Command.check([
                "mariadb-install-db", "--no-defaults", "--user=mysql", "--datadir=" + folder,
                "--auth-root-authentication-method=normal", "--skip-test-db", "--tmpdir=" + folder,
            ])
            try scene.serve([
                "mariadbd", "--no-defaults", "--user=mysql", "--datadir=" + folder, "--bind-address=127.0.0.1",
                "--port=\(scene.port)", "--socket=\(folder)/s", "--tmpdir=\(folder)",
            ])
            let client = [
                "mariadb", "--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", "-P", "\(scene.port)", "-u", "root",
            ]
            var statements = ["create database d", "create table d.t (a int primary key, b text)"]
            for number in 0..<300 { statements.append("insert into d.t values (\(number), repeat('x', \(number)))") }
            for _ in 0..<300 { statements.append("select * from d.t where a < 7") }
            for _ in 0..<20 { statements.append("select * from d.t") }
            for _ in 0..<25 { statements += ["insert into d.t values (1, 'again')", "select nothing"] }
            let script = try scene.scratch.write(statements.map { $0 + ";\n" }.joined(), to: "script")
            try scene.ask(client + ["--force", "-e", "source \(script)"])
            try scene.expect("mysql", ["ok": 622, "failed": 50])
        }

        @Test func `Redis, pipelined`() throws {
            let scene = try RequestScene("redis")
            defer { scene.remove() }
            try scene.serve([
                "redis-server", "--bind", "127.0.0.1", "--port", "\(scene.port)", "--save", "", "--dir",
                scene.scratch.path,
            ])
            let benchmark = ["redis-benchmark", "-h", "127.0.0.1", "-p", "\(scene.port)", "-q"]
            // A benchmark asks for two settings first.
            try scene.ask(benchmark + ["-n", "4000", "-c", "20", "-P", "16", "SET", "k", "v"])
            try scene.ask(benchmark + ["-n", "1280", "-c", "5", "-P", "64", "-d", "100", "-t", "set"])
            let client = ["redis-cli", "-h", "127.0.0.1", "-p", "\(scene.port)"]
            try scene.ask(client + ["SET", "text", "x"])
            // A pipeline of errors, and answers that are longer than what is captured.
            let long = String(repeating: "y", count: 5000)
            let commands = ["SET long \(long)", "INCR text", "GET long", "GET text", "NOSUCH", "MGET long text long"]
            let input = try scene.scratch.write(
                String(repeating: commands.joined(separator: "\n") + "\n", count: 40), to: "input")
            try scene.ask(["sh", "-c", "\"$@\" <\(input)", "sh"] + client)
            try scene.expect("redis", ["ok": 5286 + 160, "failed": 80])
        }

        @Test func `memcached`() throws {
            let scene = try RequestScene("memcached")
            defer { scene.remove() }
            try scene.serve(["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", "\(scene.port)"])
            let program = """
                import socket, sys
                s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                f = s.makefile("rb")
                def ask(request, lines):
                    s.sendall(request)
                    for _ in range(lines): f.readline()
                for n in range(500):
                    ask(b"set k%d 0 0 5\\r\\nhello\\r\\n" % n, 1)
                    ask(b"get k%d\\r\\n" % n, 3)
                    ask(b"get none\\r\\n", 1)
                for n in range(50):
                    ask(b"get k1\\r\\nget k2\\r\\nget none\\r\\nincr k1 1\\r\\n", 8)
                    ask(b"mg k1 v\\r\\nmn\\r\\n", 3)
                """
            try scene.ask(["python3", "-c", program, "\(scene.port)"])
            try scene.expect("memcached", ["ok": 1750, "failed": 50])
        }

        @Test func `MongoDB, a driver and a server that knows enough`() throws {
            let scene = try RequestScene("mongo")
            defer { scene.remove() }
            let server = try scene.serve(["/usr/bin/python3", Machine.helpers + "/mongo_server.py", "\(scene.port)"])
            let program = """
                import pymongo, sys
                c = pymongo.MongoClient("127.0.0.1", int(sys.argv[1]), serverSelectionTimeoutMS=20000)
                d = c.db
                quiet = d.get_collection("c", write_concern=pymongo.WriteConcern(w=0))
                for n in range(200):
                    list(d.c.find({"a": n}).limit(1 + n % 40))
                    d.c.insert_one({"k": n})
                    quiet.insert_one({"k": n})
                    for name in ("missing", "duplicate"):
                        try: d[name].insert_one({"k": n})
                        except Exception: continue
                        sys.exit("no error")
                c.close()
                """
            try scene.ask(["/usr/bin/python3", "-c", program, "\(scene.port)"])
            var expected: [String: Double] = [:]
            for line in server.output.split(separator: "\n") where line != "ready" {
                expected[String(line), default: 0] += 1
            }
            #expect(expected["failed"] == 400 && expected["unknown"] == 200 && (expected["ok"] ?? 0) >= 400)
            try scene.expect("mongo", expected)
        }

        @Test(arguments: [3, 4, 5])
        func `Cassandra, a driver and a server that knows enough`(_ version: Int) throws {
            let python = try RequestScene.python(with: "cassandra")
            let scene = try RequestScene("cassandra")
            defer { scene.remove() }
            let server = try scene.serve([python, Machine.helpers + "/cassandra_server.py", "\(scene.port)"])
            let program = """
                from cassandra.cluster import Cluster, ExecutionProfile, EXEC_PROFILE_DEFAULT
                from cassandra.policies import FallthroughRetryPolicy, WhiteListRoundRobinPolicy
                from cassandra.query import BatchStatement
                import sys
                profile = ExecutionProfile(
                    WhiteListRoundRobinPolicy(["127.0.0.1"]), retry_policy=FallthroughRetryPolicy())
                c = Cluster(
                    ["127.0.0.1"], port=int(sys.argv[1]), protocol_version=int(sys.argv[2]), compression=False,
                    schema_metadata_enabled=False, token_metadata_enabled=False,
                    execution_profiles={EXEC_PROFILE_DEFAULT: profile})
                s = c.connect()
                p = s.prepare("select a from t limit 3")
                for n in range(100):
                    # Up to several times what is captured.
                    assert len(s.execute("select a from t limit %d" % (n % 60)).all()) == n % 60
                    s.execute("insert into t values (%d)" % n)
                    assert len(s.execute(p).all()) == 3
                    b = BatchStatement()
                    for m in range(2): b.add("insert into t values (%d)" % m)
                    s.execute(b)
                    # Many at once on one connection: they share segments.
                    for f in [s.execute_async("select a from t limit 9") for m in range(50)]: f.result()
                    try: s.execute("select a from missing")
                    except Exception: continue
                    sys.exit("no error")
                c.shutdown()
                """
            try scene.ask([python, "-c", program, "\(scene.port)", "\(version)"])
            var expected: [String: Double] = [:]
            for line in server.output.split(separator: "\n") { expected[String(line), default: 0] += 1 }
            #expect(expected["failed"] == 100 && (expected["ok"] ?? 0) >= 5400)
            try scene.expect("cassandra", expected)
        }

        @Test func `ClickHouse, native protocol`() throws {
            let scene = try RequestScene("clickhouse")
            defer { scene.remove() }
            let folder = try scene.scratch.folder("clickhouse")
            let ports = (http: try Machine.freePort(), peers: try Machine.freePort())
            for name in ["config.xml", "users.xml"] {
                var text = try String(contentsOfFile: "/etc/clickhouse-server/" + name, encoding: .utf8)
                for (old, new) in [
                    ("/var/lib/clickhouse", folder), ("/var/log/clickhouse-server", folder),
                    (">9000<", ">\(scene.port)<"), (">8123<", ">\(ports.http)<"), (">9009<", ">\(ports.peers)<"),
                    ("<yandex>", "<yandex><listen_host>127.0.0.1</listen_host>"),
                ] { text = text.replacingOccurrences(of: old, with: new) }
                try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
            }
            try scene.serve(["clickhouse-server", "--config-file=\(folder)/config.xml"])
            let client = ["clickhouse-client", "--host", "127.0.0.1", "--port", "\(scene.port)"]
            for compression in ["0", "1"] {
                let query = String(repeating: "select number, 'text' from system.numbers limit 500; ", count: 50)
                try scene.ask(client + ["--compression=" + compression, "-n", "-q", query])
            }
            for _ in 0..<5 {
                let result = try? scene.ask(client + ["-q", "select nothing"])
                #expect(result == nil)
            }
            try scene.ask(client + ["-q", "create table t (a UInt32) engine = Memory"])
            try scene.ask(client + ["-q", "insert into t values (1), (2), (3)"])
            try scene.expect("clickhouse", ["ok": 102, "failed": 5])
        }
    }
}
