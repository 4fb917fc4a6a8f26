import Foundation
import Testing

extension SystemTests {
    /// `container_net_latency_seconds` over a cable of 20 ms each way.
    @Suite struct Latency {
        private static let oneWay = 0.020

        @Test(arguments: [false, true])
        func echoesAreAnswered(isIPv6: Bool) throws {
            try Self.expectLatency(isIPv6: isIPv6, answersEchoes: true)
        }

        /// Where the far end drops echo requests, the connections' own round-trip time is shown.
        @Test(arguments: [false, true])
        func echoesAreBlocked(isIPv6: Bool) throws {
            try Self.expectLatency(isIPv6: isIPv6, answersEchoes: false)
        }

        @Test func switchedOff() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let wire = try Wire(answersEchoes: true, in: scratch)
            let agent = try AgentProcess(["--scrape-interval=1s", "--disable-pinger"], in: scratch)
            let container = try wire.connect(isIPv6: false, in: scratch)
            try agent.page(within: 10, "the connection") {
                $0.value("container_net_tcp_active_connections", of: container) == 1
            }
            usleep(4_000_000)
            let page = try agent.page()
            #expect(page.all("container_net_latency_seconds").isEmpty)
            #expect(page.value("martlet_feature_enabled", ["feature": "latency_icmp"]) == 0)
        }

        private static func expectLatency(isIPv6: Bool, answersEchoes: Bool) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let wire = try Wire(answersEchoes: answersEchoes, in: scratch)
            let agent = try AgentProcess(["--scrape-interval=1s"], in: scratch)
            let container = try wire.connect(isIPv6: isIPv6, in: scratch)
            let page = try agent.page(within: 15, "a latency") {
                $0.value("container_net_latency_seconds", of: container) != nil
            }
            let samples = page.all("container_net_latency_seconds", ["container_id": container])
            #expect(samples.map { $0.labels["destination_ip"] } == [isIPv6 ? "fd88::2" : "10.88.0.2"])
            let value = try #require(samples.first?.value)
            // The cable is a program: it may be late, never early.
            #expect(value >= 2 * oneWay && value < 2 * oneWay + 0.15, "\(value)")
            // Nobody else has one, and a container that connects to nobody has none.
            #expect(page.all("container_net_latency_seconds").allSatisfy { $0.container == container })
        }
    }
}

/// Two network namespaces with a slow cable between them: a container's, and one with a peer.
private final class Wire {
    private let near: String
    private let far: String
    private let port: Int

    init(answersEchoes: Bool, in scratch: Scratch) throws {
        let number = UInt16.random(in: .min ... .max)
        (near, far) = ("mw\(number)a", "mw\(number)b")
        port = try Machine.freePort()
        for name in [near, far] {
            try Command.check(["ip", "netns", "add", name])
            scratch.atEnd { _ = try? Command.run(["ip", "netns", "del", name]) }
        }
        let wire = try ChildProcess(
            [
                "python3", Machine.helpers + "/wire.py", "20", "/run/netns/" + near, "wire", "/run/netns/" + far,
                "wire",
            ], in: scratch)
        try wire.expect("ready")
        for (name, host) in [(near, 1), (far, 2)] {
            let enter = ["nsenter", "--net=/run/netns/" + name]
            for command in [
                ["ip", "link", "set", "lo", "up"], ["ip", "link", "set", "wire", "up"],
                ["ip", "addr", "add", "10.88.0.\(host)/24", "dev", "wire"],
                ["ip", "-6", "addr", "add", "fd88::\(host)/64", "dev", "wire", "nodad"],
            ] { try Command.check(enter + command) }
        }
        let inside = ["nsenter", "--net=/run/netns/" + far]
        if !answersEchoes {
            try Command.check(
                inside + [
                    "nft",
                    """
                    table inet t {
                        chain c {
                            type filter hook input priority 0;
                            icmp type echo-request drop
                            icmpv6 type echo-request drop
                        }
                    }
                    """,
                ])
        }
        for address in ["10.88.0.2", "fd88::2"] {
            let sink = try ChildProcess(
                inside + [Workload.path(), "sink", address, "\(port)", "0"], in: scratch)
            try sink.expect("ready")
        }
    }

    /// A container that holds one connection to the far end; returns its id.
    func connect(isIPv6: Bool, in scratch: Scratch) throws -> String {
        let pod = "wire-\(UInt32.random(in: .min ... .max))x"
        let container = try RuncContainer(
            pod: pod, network: "/run/netns/" + near,
            ["/workload", "hold", "1", isIPv6 ? "fd88::2" : "10.88.0.2", "\(port)"], in: scratch)
        try container.process.expect("ready")
        return "/k8s/\(Machine.namespace)/\(pod)/main"
    }
}
