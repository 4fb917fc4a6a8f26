import Foundation
import Testing

extension SystemTests {
    /// Everything that can happen between the agent and a receiver. At the end the receiver is asked for every sample: what
    /// it lacks, the agent must have counted as dropped.
    @Suite struct PushFaults {
        /// A receiver, and how it is spoken to.
        enum Receiver: String, CaseIterable {
            case prometheus
            /// Debian's version does not know remote write 2.0: the agent finds out, and sends 1.0.
            case prometheusAsked2 = "prometheus, asked for remote write 2.0"
            case victoriaMetrics
            case victoriaMetricsOTLP = "victoriaMetrics, OTLP"

            static var here: [Receiver] {
                allCases.filter { receiver in
                    switch receiver {
                    case .prometheus, .prometheusAsked2: true
                    case .victoriaMetrics: VictoriaMetrics.isInstalled
                    case .victoriaMetricsOTLP: (try? NewerDebian.victoriaMetrics.get()) != nil
                    }
                }
            }

            var arguments: [String] {
                switch self {
                case .prometheus, .victoriaMetrics: []
                case .prometheusAsked2: ["--metrics-protocol=remote-write-2"]
                case .victoriaMetricsOTLP: ["--metrics-protocol=otlp"]
                }
            }

            var path: String { self == .victoriaMetricsOTLP ? "/opentelemetry/v1/metrics" : "/api/v1/write" }

            func make(in scratch: Scratch) throws -> any MetricsStore {
                switch self {
                case .prometheus, .prometheusAsked2: try Prometheus(in: scratch)
                case .victoriaMetrics: try VictoriaMetrics(in: scratch)
                case .victoriaMetricsOTLP: try VictoriaMetrics(NewerDebian.victoriaMetrics.get(), in: scratch)
                }
            }
        }

        /// Nobody listens for many scrapes: everything arrives afterwards, in order, and at most one request twice. Prometheus
        /// refuses what is out of order.
        @Test(arguments: Receiver.here)
        func outage(receiver: Receiver) throws {
            let scene = try PushScene(
                "pass pass pass lost reset", receiver.arguments, path: receiver.path, store: receiver.make)
            defer { scene.scratch.remove() }
            #expect(soon(within: 30) { scene.proxy.requests.count >= 4 })
            scene.proxy.stop()
            try scene.agent.page(within: 30, "60 requests on disk") {
                $0.value("martlet_spool_records_total", ["result": "appended"]) ?? 0 >= 60
            }
            let proxy = try FaultProxy(before: scene.store.port, port: scene.proxy.port, in: scene.scratch)
            try scene.drain(within: 60)
            let ledger = try scene.end()
            #expect(ledger.lives.count == 1 && ledger.snapshots > 60 && ledger.isWhole, "\(ledger)")
            let requests = scene.proxy.requests + proxy.requests
            if receiver == .prometheus { #expect(requests.allSatisfy { $0.status != 400 }, "out of order") }
            let taken = requests.filter { $0.wasTaken && $0.type == requests.last?.type }.map(\.hash)
            #expect(taken.count - Set(taken).count == 1, "the request whose answer was lost comes again, nothing else")
            #expect(try scene.store.newest("martlet_remote_write_samples_total{result=\"dropped\"}") == 0)
        }

        /// What the receiver will never take is dropped at once, counted, and said once a minute with the receiver's reason; what is
        /// too large comes in halves.
        @Test func refusals() throws {
            let scene = try PushScene("pass pass 400 401 404 413 pass")
            defer { scene.scratch.remove() }
            #expect(soon(within: 30) { scene.proxy.requests.count >= 12 })
            try scene.drain(within: 10)
            let ledger = try scene.end()
            let refused = scene.proxy.requests.filter { (400..<500).contains($0.status) }
            #expect(refused.map(\.status) == [400, 401, 404, 413])
            #expect(Set(refused.map(\.hash)).isDisjoint(with: scene.proxy.requests.filter(\.wasTaken).map(\.hash)))
            #expect(ledger.missing == 3 && ledger.samples == ledger.expectedSamples, "\(ledger)")
            let dropped = Int(try scene.store.newest("martlet_remote_write_samples_total{result=\"dropped\"}"))
            #expect(
                (3 * ledger.range.lowerBound...3 * ledger.range.upperBound).contains(dropped), "\(dropped) \(ledger)")
            #expect(try scene.store.newest("martlet_remote_write_requests_total{result=\"rejected\"}") == 3)
            #expect(try scene.store.newest("martlet_remote_write_requests_total{result=\"halved\"}") == 1)
            let lines = scene.lines("refused")
            #expect(lines.count == 1 && lines[0].contains("the proxy says 400"), "\(lines)")
        }

        /// A receiver that takes only requests of half the size gets everything in such.
        @Test func tooLarge() throws {
            let scene = try PushScene("larger/4500")
            defer { scene.scratch.remove() }
            #expect(soon(within: 30) { scene.proxy.requests.count(where: \.wasTaken) >= 60 })
            try scene.drain(within: 30)
            let ledger = try scene.end()
            #expect(ledger.lives.count == 1 && ledger.isWhole && scene.proxy.repeats == 0, "\(ledger)")
            #expect(scene.proxy.requests.contains { $0.status == 413 })
            #expect(scene.proxy.requests.allSatisfy { !$0.wasTaken || $0.bytes <= 4500 })
            #expect(try scene.store.newest("martlet_remote_write_samples_total{result=\"dropped\"}") == 0)
            #expect(try scene.store.newest("martlet_remote_write_requests_total{result=\"halved\"}") > 0)
        }

        /// What may pass is sent again until it does, and nothing is lost.
        @Test func passingFaults() throws {
            // Each at a place of its own: pauses grow with every failure.
            let faults = ["500", "429/8", "503/8", "reset reset", "lost reset", "swallow"]
            var scenes: [(fault: String, scene: PushScene)] = []
            defer { for (_, scene) in scenes { scene.scratch.remove() } }
            for fault in faults { scenes.append((fault, try PushScene("pass pass \(fault) pass"))) }
            for (fault, scene) in scenes {
                #expect(
                    soon(within: 60) {
                        let requests = scene.proxy.requests
                        return requests.last?.wasTaken == true && requests.contains { !$0.wasTaken }
                    }, "\(fault): \(scene.lines("remote write"))")
                try scene.drain(within: 30)
                let ledger = try scene.end()
                #expect(ledger.lives.count == 1 && ledger.isWhole, "\(fault): \(ledger)")
                #expect(scene.proxy.repeats == (fault.hasPrefix("lost") ? 1 : 0), "\(fault)")
                #expect(
                    try scene.store.newest("martlet_remote_write_samples_total{result=\"dropped\"}") == 0, "\(fault)")
                let failures = scene.lines("failed")
                #expect(failures.count == 1, "\(fault): \(failures)")
                if fault.first?.isNumber == true {
                    #expect(failures.first?.contains("the proxy says \(fault.prefix(3))") == true, "\(failures)")
                }
                // Retry-After is kept to: nothing is sent before.
                let requests = scene.proxy.requests
                if fault.hasSuffix("/8"), let index = requests.firstIndex(where: { !$0.wasTaken }) {
                    let pause = requests[index + 1].time - requests[index].time
                    #expect((8..<11).contains(pause), "\(fault): \(pause) s")
                    #expect(requests[index + 1].hash == requests[index].hash)
                }
            }
        }

        /// An expired certificate: nothing is sent, nothing is lost, and all goes out when there is a good one.
        @Test func expiredCertificate() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let certificates = try Certificates(in: scratch)
            let store = try Prometheus(in: scratch)
            let bad = try FaultProxy(before: store.port, certificate: certificates.expired, in: scratch)
            let agent = try AgentProcess(
                PushScene.quiet + [
                    "--metrics-endpoint=https://127.0.0.1:\(bad.port)/api/v1/write",
                    "--ca-file=\(certificates.authority)",
                ], in: scratch)
            let line = eventually(within: 20) {
                agent.process.errors.split(separator: "\n").first { $0.contains("certificate") }
            }
            #expect(line?.contains("expired") == true, "\(agent.process.errors)")
            bad.stop()
            #expect(bad.requests.isEmpty)
            let good = try FaultProxy(before: store.port, port: bad.port, certificate: certificates.valid, in: scratch)
            try agent.page(within: 40, "an empty spool") {
                $0.value("martlet_queue_depth", ["queue": "spool_bytes"]) == 0
                    && $0.value("martlet_remote_write_requests_total", ["result": "sent"]) ?? 0 > 10
            }
            _ = agent.terminate()
            let ledger = try store.ledger()
            #expect(ledger.lives.count == 1 && ledger.isWhole && good.repeats == 0, "\(ledger)")
        }
    }
}
