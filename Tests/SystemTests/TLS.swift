import Foundation
import Testing

extension SystemTests {
    /// HTTPS requests are counted exactly, by whom they are made and by whom they are served.
    @Suite struct TLS {
        private static let programs = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "KernelTests/Programs")
        private static func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

        private static func program(_ name: String) -> String { programs.appending(path: name).path }

        /// Makes a certificate and its key.
        static func certify(_ certificate: String, _ key: String) throws {
            try Command.check([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", certificate,
            ])
        }

        /// A server and a client in containers of their own, and the agent beside them.
        private struct Scene {
            let scratch: Scratch
            let agent: AgentProcess
            let server: Cgroup
            let client: Cgroup
            let port: Int

            init(in scratch: Scratch, server command: (String, String) -> [String]) throws {
                self.scratch = scratch
                let (certificate, key) = (scratch.file("cert.pem"), scratch.file("key.pem"))
                try TLS.certify(certificate, key)
                let number = UInt32.random(in: 0 ... .max)
                server = try Cgroup(making: "/system.slice/tls-server-\(number).service", in: scratch)
                client = try Cgroup(making: "/system.slice/tls-client-\(number).service", in: scratch)
                agent = try AgentProcess(
                    ["--instrumentation-delay=0s", "--ephemeral-port-range=60998-60999"], in: scratch)
                let process = try server.start(command(certificate, key), in: scratch)
                var port: Int?
                _ = soon(within: 20) {
                    port = Int(process.output.split(separator: "\n").first ?? "")
                    return port != nil || process.poll() != nil
                }
                guard let port else { throw Failure("no port: \(process.errors)") }
                self.port = port
            }

            var made: (Page) -> Double {
                { page in
                    page.all("container_http_requests_total", ["container_id": client.path, "status": "2xx"])
                        .reduce(0) { $0 + $1.value }
                }
            }
            var served: (Page) -> Double {
                { page in
                    page.all("container_http_inbound_requests_total", ["container_id": server.path])
                        .reduce(0) { $0 + $1.value }
                }
            }

            /// Runs the client a first time, for the agent to see what it needs; then again, and counts.
            func count(
                _ requests: Int, library: String, ends: [KeyPath<Scene, (Page) -> Double>], _ command: [String]
            ) throws {
                try agent.page(within: 20, "probes") {
                    $0.all("martlet_tls_binaries", ["library": library]).contains { $0.value > 0 }
                }
                let first = try client.start(command, in: scratch)
                #expect(first.wait(seconds: 30) == 0, "\(first.errors)")
                usleep(2_500_000)
                let before = try settled(ends)
                let second = try client.start(command, in: scratch)
                #expect(second.wait(seconds: 30) == 0, "\(second.errors)")
                let after = try settled(ends)
                for (index, _) in ends.enumerated() { #expect(after[index] - before[index] == Double(requests)) }
            }

            private func settled(_ ends: [KeyPath<Scene, (Page) -> Double>]) throws -> [Double] {
                usleep(1_000_000)
                let page = try agent.page()
                return ends.map { self[keyPath: $0](page) }
            }
        }

        /// OpenSSL as a library on both ends; curl gives it no descriptor.
        @Test(.enabled(if: has("/usr/bin/curl") && has("/usr/bin/python3"), "no curl or Python"))
        func curlToPython() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let scene = try Scene(in: scratch) { ["/usr/bin/python3", Self.program("serve.py"), $0, $1] }
            let urls = (0..<30).map { "https://127.0.0.1:\(scene.port)/item-\($0)" }
            try scene.count(
                30, library: "openssl", ends: [\.made, \.served], ["/usr/bin/curl", "-sSk", "--http1.1"] + urls)
        }

        /// An nginx that speaks TLS, once it has probes; with the path of its log.
        private func nginx(_ name: String, _ options: String) throws -> (scene: RequestScene, log: String) {
            let scene = try RequestScene(name, ["--instrumentation-delay=0s"])
            let (certificate, key) = (scene.scratch.file("cert.pem"), scene.scratch.file("key.pem"))
            try Self.certify(certificate, key)
            let log = try WebRequests.nginx(
                scene, listen: " \(options); ssl_certificate \(certificate); ssl_certificate_key \(key)")
            try scene.agent.page(within: 20, "probes") {
                $0.all("martlet_tls_binaries", ["library": "openssl"]).contains { $0.value > 0 }
            }
            return (scene, log)
        }

        private func counts(_ scene: RequestScene, _ page: Page) -> [[String: Double]] {
            [
                RequestScene.byStatus(page.all("container_http_requests_total"), scene.client.path),
                RequestScene.byStatus(page.all("container_http_inbound_requests_total"), scene.server.path),
            ]
        }

        /// What wrk and nginx counted is what is counted; wrk hangs up in the middle of at most eight requests.
        @Test func wrkToNginx() throws {
            let (scene, log) = try nginx("tls-wrk", "ssl")
            defer { scene.remove() }
            let script = try scene.scratch.write("delay = function() return 1 end", to: "script.lua")
            let output = try scene.ask([
                "wrk", "-t1", "-c8", "-d3", "-s", script, "https://127.0.0.1:\(scene.port)/hello",
            ])
            let words = output.split(whereSeparator: \.isWhitespace)
            let index = try #require(words.firstIndex(of: "requests"))
            let made = try #require(Double(words[index - 1]))
            _ = soon(within: 20, every: 0.3) {
                guard let page = try? scene.agent.page() else { return false }
                return counts(scene, page).allSatisfy { $0["2xx"] ?? 0 >= made }
            }
            usleep(1_500_000)
            let page = try scene.agent.page()
            let found = counts(scene, page)
            let logged = WebRequests.lines(log)
            #expect(made > 1000 && page.losses == 0)
            #expect(found[1] == ["2xx": logged])
            let asked = found[0]["2xx"] ?? 0
            #expect(asked >= made && asked <= made + 8, "\(asked) \(made)")
        }

        /// curl hides its descriptors, so that its first run is for the agent to see that.
        @Test func http2ToNginx() throws {
            let (scene, _) = try nginx("tls-http2", "ssl http2")
            defer { scene.remove() }
            let address = "https://127.0.0.1:\(scene.port)"
            let curl = ["curl", "-sSk", "--http2", "-o", "/dev/null", "-w", "%{http_version}\n", address + "/hello"]
            try scene.ask(curl)
            try scene.agent.page(within: 20, "sockets") { $0.value("martlet_tls_sockets_followed") == 1 }
            usleep(1_500_000)
            let before = counts(scene, try scene.agent.page())
            let output = try scene.ask([
                "h2load", "-n", "900", "-c", "3", "-m", "20", address + "/hello", address + "/404", address + "/500",
            ])
            #expect(output.contains("status codes: 300 2xx, 0 3xx, 300 4xx, 300 5xx"), "\(output)")
            for _ in 0..<20 { #expect(try scene.ask(curl) == "2\n") }
            var found = before
            _ = soon(within: 20, every: 0.3) {
                guard let page = try? scene.agent.page() else { return false }
                found = counts(scene, page)
                return zip(found, before).allSatisfy { $0.values.reduce(0, +) - $1.values.reduce(0, +) >= 920 }
            }
            usleep(1_500_000)
            found = counts(scene, try scene.agent.page())
            for (after, before) in zip(found, before) {
                let difference = after.merging(before) { $0 - $1 }
                #expect(difference == ["2xx": 320, "4xx": 300, "5xx": 300])
            }
        }

        /// Go on both ends, without symbols; a client that is gone before it could be looked at counts all the same, because
        /// the server is the same file.
        @Test(.enabled(if: has("/usr/bin/go"), "no Go"))
        func goToGo() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let web = scratch.file("web")
            try Command.check(
                ["/usr/bin/go", "build", "-ldflags", "-s -w", "-o", web, Self.program("web.go")],
                environment: ["GO111MODULE": "off", "GOFLAGS": "", "GOCACHE": "/tmp/martlet-go-cache"], seconds: 300)
            let scene = try Scene(in: scratch) { [web, "serve", $0, $1] }
            try scene.count(
                40, library: "go", ends: [\.made, \.served], [web, "get", "https://127.0.0.1:\(scene.port)", "40"])
        }

        /// rustls on both ends, in a release build with its symbols; the client has two connections.
        @Test(
            .enabled(
                if: has("/usr/bin/cargo") && has("/usr/share/cargo/registry/rustls-0.20.8"), "no Rust with rustls"))
        func rustToRust() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let web = scratch.file("web")
            try Command.check(["/bin/bash", Self.program("rust.sh"), web, "release"], seconds: 600)
            var failure: (any Error)?
            let scene = try Scene(in: scratch) { certificate, key in
                let (binaryCertificate, binaryKey) = (scratch.file("cert.der"), scratch.file("key.der"))
                do {
                    try Command.check([
                        "openssl", "x509", "-in", certificate, "-outform", "DER", "-out", binaryCertificate,
                    ])
                    try Command.check([
                        "openssl", "pkcs8", "-topk8", "-nocrypt", "-in", key, "-outform", "DER", "-out", binaryKey,
                    ])
                } catch { failure = error }
                return [web, "serve", binaryCertificate, binaryKey]
            }
            if let failure { throw failure }
            try scene.count(
                80, library: "rustls", ends: [\.made, \.served],
                ["/bin/sh", "-c", "echo go | \(web) get \(scene.port) 40 1.3"])
        }
    }
}
