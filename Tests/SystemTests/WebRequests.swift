import Foundation
import Testing

extension SystemTests {
    /// Real servers and clients of HTTP, gRPC and DNS: what was asked is what is counted, at both ends, with its status.
    @Suite struct WebRequests {
        /// What a client of `web.py` counted itself.
        private struct Counts: Decodable {
            var made: [String: Double]
            /// The sum of the times that its requests took.
            var seconds: Double
        }

        private static let helper = Machine.helpers + "/web.py"

        private static func counts(_ output: String) throws -> Counts {
            try JSONDecoder().decode(Counts.self, from: Data(output.utf8))
        }

        /// An nginx that answers /hello, /404 and /500, and writes a line for every request that it answered. It would write one
        /// too for the request whose answer found the connection closed.
        ///
        /// - Returns: the path of its log.
        static func nginx(_ scene: RequestScene, listen: String = "") throws -> String {
            let folder = try scene.scratch.folder("nginx")
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map { "\($0)_temp_path \(folder)/\($0);" }.joined()
            let path = try scene.scratch.write(
                """
                daemon off; worker_processes 1; pid \(folder)/pid; error_log \(folder)/errors;
                events { worker_connections 1024; }
                http {
                    map $bytes_sent $sent { default 1; 0 0; }
                    log_format status '$status'; access_log \(folder)/log status if=$sent;
                    keepalive_requests 10000000; \(temporary)
                    server {
                        listen 127.0.0.1:\(scene.port)\(listen);
                        location /hello { return 200 "hello"; }
                        location /404 { return 404; }
                        location /500 { return 500; }
                    }
                }
                """, to: "nginx.conf")
            try scene.serve(["nginx", "-e", folder + "/errors", "-c", path])
            return folder + "/log"
        }

        static func lines(_ path: String, _ text: String = "200") -> Double {
            let log = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            return Double(log.split(separator: "\n").count { $0 == text })
        }

        /// Counted in the kernel where nobody wants texts, and else by the parsers.
        @Test(arguments: [[], ["--exclude-http-requests-by-path=/nothing"]])
        func `every method, status, body and chunk`(_ arguments: [String]) throws {
            let scene = try RequestScene("http", arguments)
            defer { scene.remove() }
            try scene.serve(["python3", Self.helper, "http-server", "\(scene.port)"])
            let client = try Self.counts(scene.ask(["python3", Self.helper, "http-client", "\(scene.port)", "50"]))
            var made = client.made
            try scene.ask(["python3", Self.helper, "http-unanswered", "\(scene.port)", "20"])
            made["unanswered"] = 20
            let page = try scene.expect("http", kind: "requests", made)
            let seen = page.value("container_http_requests_duration_seconds_total_sum", of: scene.client.path) ?? 0
            #expect(abs(seen - client.seconds) < client.seconds / 10, "\(seen) \(client.seconds)")
        }

        @Test(arguments: [[], ["--exclude-http-requests-by-path=/nothing"]])
        func `pipelined requests`(_ arguments: [String]) throws {
            let scene = try RequestScene("pipelined", arguments)
            defer { scene.remove() }
            let log = try Self.nginx(scene)
            try scene.ask(["python3", Self.helper, "pipelined", "\(scene.port)", "100", "16"])
            try scene.ask([
                "curl", "-sS", "http://127.0.0.1:\(scene.port)/hello?[1-100]",
                "http://127.0.0.1:\(scene.port)/404?[1-30]",
            ])
            try scene.expect("http", kind: "requests", ["2xx": 1700, "4xx": 30])
            #expect(Self.lines(log) == 1700)
        }

        /// wrk hangs up in the middle of requests: what the server answered is what counts. With 16 at once it pauses, so that it
        /// asks about 50,000 times a second: that is what has to get through without a loss.
        @Test(arguments: [1, 16]) func `wrk`(depth: Int) throws {
            let scene = try RequestScene("wrk")
            defer { scene.remove() }
            let log = try Self.nginx(scene)
            let script = try scene.scratch.write(
                """
                init = function() local all = {} for i = 1, \(depth) do all[i] = wrk.format("GET", "/hello") end
                    request_text = table.concat(all) end
                request = function() return request_text end
                \(depth > 1 ? "delay = function() return 2 end" : "")
                """, to: "script.lua")
            let output = try scene.ask([
                "wrk", "-t1", "-c8", "-d3", "-s", script, "http://127.0.0.1:\(scene.port)/hello",
            ])
            let words = output.split(separator: " ", omittingEmptySubsequences: true)
            let index = try #require(words.firstIndex(of: "requests"))
            let made = try #require(Double(words[index - 1].split(separator: "\n").last ?? ""))
            func count(_ page: Page, _ name: String, _ container: Cgroup) -> Double {
                page.value("container_http_\(name)_total", of: container.path, ["status": "2xx"]) ?? 0
            }
            var counts = ""
            do {
                try scene.agent.page(within: 20, "all requests") {
                    let (asked, served) = (
                        count($0, "requests", scene.client), count($0, "inbound_requests", scene.server)
                    )
                    counts = "asked \(asked) of \(made), served \(served) of \(Self.lines(log))"
                    return asked >= made && served >= Self.lines(log)
                }
            } catch {
                throw Failure("\(error): \(counts)")
            }
            usleep(1_500_000)
            let later = try scene.agent.page()
            let (asked, served) = (
                count(later, "requests", scene.client), count(later, "inbound_requests", scene.server)
            )
            #expect(made > 1000 && later.losses == 0)
            // Eight connections had requests under way when wrk ended.
            let open = Double(8 * depth)
            #expect(asked >= made && asked <= made + open, "\(asked) \(made)")
            #expect(served == Self.lines(log), "\(served) \(Self.lines(log))")
        }

        @Test func `HTTP 2`() throws {
            // Requests and answers of many streams stand in one segment.
            let scene = try RequestScene("http2")
            defer { scene.remove() }
            _ = try Self.nginx(scene, listen: " http2")
            let address = "http://127.0.0.1:\(scene.port)"
            let output = try scene.ask([
                "h2load", "-n", "900", "-c", "3", "-m", "20", address + "/hello", address + "/404", address + "/500",
            ])
            #expect(output.contains("status codes: 300 2xx, 0 3xx, 300 4xx, 300 5xx"), "\(output)")
            for _ in 0..<20 { try scene.ask(["curl", "-sS", "--http2-prior-knowledge", address + "/hello"]) }
            try scene.expect("http", kind: "requests", ["2xx": 320, "4xx": 300, "5xx": 300])
        }

        @Test func `gRPC with messages that are longer than what is captured`() throws {
            let python = try RequestScene.python(with: "grpc")
            let scene = try RequestScene("grpc-long")
            defer { scene.remove() }
            try scene.serve([python, Self.helper, "grpc-server", "\(scene.port)"])
            let client = try Self.counts(scene.ask([python, Self.helper, "grpc-long", "\(scene.port)", "20"]))
            #expect(client.made == ["grpc:OK": 140, "grpc:NOT_FOUND": 140])
            try scene.expect("http", kind: "requests", client.made)
        }

        @Test func `gRPC with trailers and errors`() throws {
            let python = try RequestScene.python(with: "grpc")
            let scene = try RequestScene("grpc")
            defer { scene.remove() }
            try scene.serve([python, Self.helper, "grpc-server", "\(scene.port)"])
            let client = try Self.counts(scene.ask([python, Self.helper, "grpc-client", "\(scene.port)", "150"]))
            let page = try scene.expect("http", kind: "requests", client.made)
            let seen = page.value("container_http_requests_duration_seconds_total_sum", of: scene.client.path) ?? 0
            #expect(abs(seen - client.seconds) < client.seconds / 10, "\(seen) \(client.seconds)")
        }

        @Test func `DNS by UDP and TCP`() throws {
            let scene = try RequestScene("dns")
            defer { scene.remove() }
            let configuration = try scene.scratch.write(
                """
                port=\(scene.port)
                listen-address=127.0.0.1
                bind-interfaces
                no-resolv
                no-hosts
                keep-in-foreground
                user=root
                pid-file=
                local=/test/
                host-record=a.test,192.0.2.1
                host-record=b.test,192.0.2.2,2001:db8::2
                txt-record=text.test,"hello"
                cache-size=0
                """, to: "dnsmasq.conf")
            try scene.serve(["dnsmasq", "--conf-file=" + configuration])
            let questions: [(how: [String], name: String, type: String, count: Int, status: String)] = [
                ([], "a.test", "A", 20, "ok"), (["+tcp"], "a.test", "A", 7, "ok"), ([], "b.test", "AAAA", 7, "ok"),
                // That there is no address of this family is no news.
                ([], "a.test", "AAAA", 3, ""), ([], "text.test", "TXT", 7, "ok"), (["+tcp"], "b.test", "A", 3, "ok"),
                ([], "nothing.test", "A", 7, "nxdomain"), ([], "elsewhere.example", "MX", 7, "refused"),
            ]
            var expected: [String: Double] = [:]
            for question in questions {
                for _ in 0..<question.count {
                    try scene.ask(
                        ["dig", "@127.0.0.1", "-p", "\(scene.port)", "+tries=1"] + question.how
                            + [question.name, question.type])
                }
                if question.status.isEmpty { continue }
                expected["\(question.name) Type\(question.type) \(question.status)", default: 0] += Double(
                    question.count)
            }
            func counted(_ page: Page) -> [String: Double] {
                var counts: [String: Double] = [:]
                for sample in page.all("container_dns_requests_total", ["container_id": scene.client.path]) {
                    let labels = sample.labels
                    let key = [labels["domain"], labels["request_type"], labels["status"]].compactMap(\.self)
                    counts[key.joined(separator: " ")] = sample.value
                }
                return counts
            }
            _ = try soon(within: 10) { counted(try scene.agent.page()) == expected }
            usleep(1_500_000)
            let page = try scene.agent.page()
            #expect(counted(page) == expected)
            let served = RequestScene.byStatus(
                page.all("container_dns_inbound_requests_total"), scene.server.path)
            #expect(served == ["ok": 47, "nxdomain": 7, "refused": 7])
        }
    }
}
