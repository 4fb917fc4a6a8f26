import Foundation
import Testing

extension SystemTests {
    /// Spans of real clients and servers, read with the published definitions of OpenTelemetry.
    @Suite struct Traces {
        /// An agent, a receiver, a container for a server and one for its clients.
        private final class Scene {
            let scratch: Scratch
            let receiver: OTLPReceiver
            let agent: AgentProcess
            let port: Int
            let server: Cgroup
            let client: Cgroup

            init(_ arguments: [String] = [], through plan: String? = nil, rejecting: Int = 0) throws {
                scratch = try Scratch()
                do {
                    receiver = try OTLPReceiver(rejecting: rejecting, in: scratch)
                    let number = UInt16.random(in: .min ... .max)
                    server = try Cgroup(making: "/system.slice/traced-server-\(number).service", in: scratch)
                    client = try Cgroup(making: "/system.slice/traced-client-\(number).service", in: scratch)
                    port = try Machine.freePort()
                    var target = receiver.port
                    if let plan { target = try FaultProxy(before: receiver.port, plan: plan, in: scratch).port }
                    agent = try AgentProcess(
                        ["--traces-endpoint=http://127.0.0.1:\(target)/v1/traces", "--api-key=secret"] + arguments,
                        in: scratch)
                } catch {
                    scratch.remove()
                    throw error
                }
            }

            func serve(_ arguments: [String]) throws {
                let process = try server.start(arguments, in: scratch)
                let isOpen = soon(within: 30, every: 0.1) {
                    (try? Command.run(["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/\(port)"]))?.status == 0
                }
                if !isOpen { throw Failure("\(arguments[0]) does not listen: \(process.errors.suffix(1000))") }
            }

            /// Files of a folder by HTTP.
            func serveFiles() throws {
                let folder = try scratch.folder("files")
                try "hello".write(toFile: folder + "/index.html", atomically: true, encoding: .utf8)
                try serve([
                    "python3", "-m", "http.server", "\(port)", "--bind", "127.0.0.1", "--directory", folder,
                ])
            }

            @discardableResult
            func ask(_ arguments: [String], status: Int32 = 0) throws -> String {
                let process = try client.start(arguments, in: scratch)
                let ended = process.wait(seconds: 60)
                if ended != status { throw Failure("\(arguments): \(ended ?? -1): \(process.errors.suffix(1000))") }
                return process.output
            }

            /// The spans of the client, once there are `count`.
            func spans(_ count: Int) throws -> [OTLPReceiver.Item] {
                try receiver.items(within: 20, "\(count) spans of \(client.path)") {
                    $0.count { $0.service == client.path } >= count
                }.filter { $0.service == client.path }
            }
        }

        @Test func requestsOfCurl() throws {
            let scene = try Scene()
            defer { scene.scratch.remove() }
            try scene.serveFiles()
            let before = UInt64(Date().timeIntervalSince1970 * 1e9)
            for path in ["index.html", "missing"] {
                try scene.ask(["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:\(scene.port)/\(path)"])
            }
            let spans = try scene.spans(2)
            #expect(spans.count == 2)
            for (span, path) in zip(spans.sorted { $0.start ?? 0 < $1.start ?? 0 }, ["index.html", "missing"]) {
                #expect(
                    span.texts == [
                        "net.peer.name": "127.0.0.1", "net.peer.port": "\(scene.port)", "http.method": "GET",
                        "http.url": "http://127.0.0.1:\(scene.port)/\(path)",
                        "http.status_code": path == "missing" ? "404" : "200",
                    ])
                #expect(span.name == "GET" && span.kind == 3 && span.parent == "" && span.scope == "coroot-node-agent")
                #expect(span.status == (path == "missing" ? 2 : 0))
                let (start, end) = (span.start ?? 0, span.end ?? 0)
                #expect(start >= before && end >= start && end < before + 60_000_000_000)
                #expect(Set(span.resource.keys) == ["service.name", "container.id", "host.name", "host.id"])
                #expect(span.request.key == "secret" && span.request.encoding == "gzip")
                #expect(span.request.path == "/v1/traces" && span.request.type == "application/x-protobuf")
            }
            #expect(Set(spans.map(\.trace)).count == 2)
            let page = try scene.agent.page()
            #expect(page.value("martlet_otlp_items_total", ["signal": "traces", "result": "sent"]) == 2)
        }

        @Test func commandsOfRedis() throws {
            let scene = try Scene(["--otlp-compression=zstd"])
            defer { scene.scratch.remove() }
            guard try Command.run(["/bin/sh", "-c", "command -v redis-server"]).status == 0 else {
                try Test.cancel("redis-server is not installed")
            }
            try scene.serve(["redis-server", "--port", "\(scene.port)", "--bind", "127.0.0.1", "--save", ""])
            try scene.ask(["redis-cli", "-p", "\(scene.port)", "SET", "key", "value"])
            let span = try #require(try scene.spans(1).first { $0.name == "SET" })
            #expect(span.texts["db.system"] == "redis" && span.texts["db.operation"] == "SET")
            #expect(span.texts["db.statement"] == "SET key ..." && span.request.encoding == "zstd")
        }

        @Test func statementsOfPostgreSQL() throws {
            let scene = try Scene()
            defer { scene.scratch.remove() }
            try scene.serve(PostgresServer.command(in: scene.scratch, port: scene.port))
            let address = PostgresServer.address(port: scene.port)
            try scene.ask(
                ["psql", "-X", "-q", address, "-c", "select 1 as one", "-c", "select nothing"], status: 1)
            // Once without a name, and once prepared and then run twice.
            let script = try scene.scratch.write("select 41 + 1;\n", to: "script")
            try scene.ask(["pgbench", "-n", "-t", "1", "-M", "extended", "-f", script, address])
            try scene.ask(["pgbench", "-n", "-t", "2", "-M", "prepared", "-f", script, address])
            let spans = try scene.spans(6).sorted { $0.start ?? 0 < $1.start ?? 0 }
            let statements = spans.map { $0.texts["db.statement"] ?? "" }
            #expect(statements.filter { $0 == "select 1 as one" }.count == 1)
            #expect(statements.filter { $0 == "select nothing" }.count == 1)
            #expect(statements.filter { $0 == "select 41 + 1;" }.count == 3, "\(statements)")
            #expect(statements.filter { $0.hasPrefix("PREPARE ") && $0.hasSuffix(" AS select 41 + 1;") }.count == 1)
            #expect(spans.count == 6)
            for span in spans {
                #expect(span.name == "query" && span.kind == 3 && span.texts["db.system"] == "postgresql")
                #expect(span.status == (span.texts["db.statement"] == "select nothing" ? 2 : 0))
                #expect(span.texts["net.peer.port"] == "\(scene.port)")
            }
        }

        /// Traces go on through a program that is not instrumented: its span and that of its caller are one trace.
        @Test func anInstrumentedProgramAndOneThatIsNot() throws {
            let scene = try Scene(["--traces-inbound"])
            defer { scene.scratch.remove() }
            try scene.serveFiles()
            let count = 20
            let lines = try scene.ask([
                try OTLPReceiver.python(), Machine.helpers + "/instrumented.py",
                "http://127.0.0.1:\(scene.port)/index.html", "\(count)",
            ])
            let contexts = lines.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            #expect(contexts.count == count)
            let items = try scene.receiver.items(within: 20, "both spans of \(count) requests") { items in
                contexts.allSatisfy { context in items.count { $0.trace == context[0] } == 2 }
            }
            for context in contexts {
                let spans = items.filter { $0.trace == context[0] }
                let client = try #require(spans.first { $0.kind == 3 })
                let server = try #require(spans.first { $0.kind == 2 })
                #expect(client.parent == context[1] && client.service == scene.client.path)
                #expect(server.parent == client.id && server.service == scene.server.path)
            }
            #expect(try scene.agent.page().value("martlet_traces_joined_total") == Double(count))
        }

        @Test func samplingAndStableNames() throws {
            let scene = try Scene(["--traces-sampling=0.25", "--traces-semconv=stable", "--traces-inbound"])
            defer { scene.scratch.remove() }
            try scene.serveFiles()
            // Both ends are joined from the moment on that both are known.
            try scene.ask(["true"])
            _ = try scene.agent.page(within: 20, "the client") {
                $0.value("martlet_container_processes", of: scene.client.path) != nil
            }
            let urls = Array(repeating: "http://127.0.0.1:\(scene.port)/index.html", count: 400)
            try scene.ask(["curl", "-s", "-o", "/dev/null"] + urls.flatMap { ["-o", "/dev/null", $0] })
            _ = try scene.spans(40)
            // One more batch, for those that were under way.
            usleep(6_000_000)
            let items = try scene.receiver.items()
            let traces = Dictionary(grouping: items, by: \.trace)
            #expect((50...150).contains(traces.count), "\(traces.count) traces of 400")
            // Both sides or none.
            #expect(traces.values.allSatisfy { $0.count == 2 })
            let span = try #require(items.first { $0.kind == 3 })
            #expect(span.texts["http.request.method"] == "GET" && span.texts["http.response.status_code"] == "200")
            #expect(span.texts["server.port"] == "\(scene.port)" && span.texts["http.method"] == nil)
        }

        /// A receiver that is away, resets, is slow, or finds requests too large: every span arrives, none twice but after a reset.
        @Test(
            .enabled(if: OTLPReceiver.isInstalled, "opentelemetry-proto and opentelemetry-sdk are not installed"),
            arguments: ["503 503 pass", "reset pass", "slow/2 pass", "413 413 pass"])
        func faults(_ plan: String) throws {
            let scene = try Scene(through: plan.replacing(" ", with: "\n"))
            defer { scene.scratch.remove() }
            try scene.serveFiles()
            try scene.ask(
                ["curl", "-s"]
                    + Array(repeating: "http://127.0.0.1:\(scene.port)/index.html", count: 50)
                    .flatMap { ["-o", "/dev/null", $0] })
            let spans = try receiverSpans(scene, 50)
            #expect(Set(spans.compactMap(\.id)).count == 50 && spans.count == 50)
            let page = try scene.agent.page()
            #expect(page.value("martlet_otlp_items_total", ["signal": "traces", "result": "dropped"]) == 0)
        }

        private func receiverSpans(_ scene: Scene, _ count: Int) throws -> [OTLPReceiver.Item] {
            try scene.receiver.items(within: 40, "\(count) spans") { $0.count >= count }
        }

        @Test func whatIsNotStoredIsCounted() throws {
            let scene = try Scene(rejecting: 1)
            defer { scene.scratch.remove() }
            try scene.serveFiles()
            try scene.ask(["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:\(scene.port)/index.html"])
            let page = try scene.agent.page(within: 20, "a span that is not stored") {
                $0.value("martlet_dropped_total", ["reason": "push_not_stored_spans"]) == 1
            }
            #expect(page.value("martlet_otlp_items_total", ["signal": "traces", "result": "sent"]) == 0)
        }

        /// What was seen just before the end is sent.
        @Test func theEndSendsWhatWaits() throws {
            let scene = try Scene()
            defer { scene.scratch.remove() }
            try scene.serveFiles()
            try scene.ask(["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:\(scene.port)/index.html"])
            _ = try scene.agent.page(within: 5, "the request") {
                $0.value("container_http_requests_total", of: scene.client.path) ?? 0 >= 1
            }
            #expect(scene.agent.terminate().status == 0)
            #expect(try scene.receiver.items().count { $0.service == scene.client.path } == 1)
        }
    }
}
