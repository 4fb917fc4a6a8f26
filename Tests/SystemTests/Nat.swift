import Foundation
import Testing

extension SystemTests {
    /// Destinations behind NAT: `destination` is where a container wanted to go, `actual_destination` where it went.
    @Suite struct Nat {
        /// A rule on the node, as kube-proxy and Docker make it: the packets of the container are translated when they come
        /// out of its cable.
        @Test func ruleOfTheNode() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let site = try Site(in: scratch)
            try site.translateOnTheNode()
            try Self.expectTranslated(site, agent: { agent }, in: scratch)
        }

        /// The same over IPv6.
        @Test func ruleOfTheNodeForIPv6() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let site = try Site(isIPv6: true, in: scratch)
            try site.translateOnTheNode()
            try Self.expectTranslated(site, agent: { agent }, in: scratch)
        }

        /// A rule in the container's own network namespace, as Docker's DNS and service meshes make it.
        @Test(arguments: [Site.Tool.iptables, .nft])
        func ruleOfTheContainer(_ tool: Site.Tool) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let site = try Site(in: scratch)
            try site.translateInTheContainer(tool)
            let container = try Self.expectTranslated(site, agent: { agent }, in: scratch)
            // The agent does not keep the namespace alive: the host's is the only one left.
            let namespaces = ["queue": "network_namespaces"]
            #expect(try agent.page().value("martlet_queue_depth", namespaces) == 2)
            container.stop()
            try agent.page(within: 20, "the namespace to be closed") {
                $0.value("martlet_queue_depth", namespaces) == 1
            }
        }

        /// Connections that are older than the agent.
        @Test(arguments: [false, true])
        func olderThanTheAgent(inContainer: Bool) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let site = try Site(in: scratch)
            if inContainer { try site.translateInTheContainer(.nft) } else { try site.translateOnTheNode() }
            try Self.expectTranslated(site, agent: { try AgentProcess(in: scratch) }, isOlder: true, in: scratch)
        }

        // MARK: -

        /// Runs a container that connects 40 times to the service, and keeps three connections, and checks every series.
        @discardableResult
        private static func expectTranslated(
            _ site: Site, agent: () throws -> AgentProcess, isOlder: Bool = false, in scratch: Scratch
        ) throws -> RuncContainer {
            let pod = "nat-\(UInt32.random(in: .min ... .max))x"
            let identifier = "/k8s/\(Machine.namespace)/\(pod)/main"
            let container = try RuncContainer(
                pod: pod, network: site.network.path,
                [
                    "/bin/sh", "-c",
                    "/workload connect 40 \(site.service) 80 && exec /workload hold 3 \(site.service) 80",
                ], in: scratch)
            if isOlder { try container.process.expect("ready") }
            let agent = try agent()
            let labels = ["destination": site.destination, "actual_destination": site.actual]
            let connects = isOlder ? 3.0 : 43.0
            _ = try soon(within: 10) {
                let page = try agent.page()
                return page.value("container_net_tcp_successful_connects_total", of: identifier, labels) == connects
                    && page.value("container_net_tcp_active_connections", of: identifier, labels) == 3
            }
            let page = try agent.page()
            let all = page.all("container_net_tcp_successful_connects_total", ["container_id": identifier])
            #expect(all.map(\.value) == [connects], "\(all) \(container.process.errors)")
            #expect(all.first?.labels["destination"] == site.destination)
            #expect(all.first?.labels["actual_destination"] == site.actual)
            #expect(page.value("container_net_tcp_active_connections", of: identifier, labels) == 3)
            #expect(page.value("martlet_feature_enabled", ["feature": "conntrack"]) == 1)
            #expect(page.losses == 0)
            // What is still open sends on, and is counted for the same series.
            try agent.page(within: 10, "bytes to \(labels)") {
                $0.value("container_net_tcp_bytes_sent_total", of: identifier, labels) == (isOlder ? 0 : 3000)
            }
            return container
        }
    }
}

/// A container's network, a peer on the host's end of it, and a service address that stands for the peer.
final class Site {
    enum Tool: String, Sendable { case iptables, nft }

    let network: NetworkNamespace
    let service: String
    private let isIPv6: Bool
    private let port: Int
    private let scratch: Scratch
    private let peer: String

    init(isIPv6: Bool = false, in scratch: Scratch) throws {
        self.isIPv6 = isIPv6
        self.scratch = scratch
        network = try NetworkNamespace(in: scratch)
        port = try Machine.freePort()
        let enter = ["nsenter", "--net=" + network.path]
        if isIPv6 {
            peer = "fd77::1"
            service = "fd96::7"
            for command in [
                ["ip", "-6", "addr", "add", "fd77::1/64", "dev", network.hostInterface, "nodad"],
                enter + ["ip", "-6", "addr", "add", "fd77::2/64", "dev", network.insideInterface, "nodad"],
                enter + ["ip", "-6", "route", "add", "default", "via", "fd77::1"],
            ] { try Command.check(command) }
        } else {
            peer = network.hostAddress
            service = "10.96.77.7"
            try Command.check(enter + ["ip", "route", "add", "default", "via", network.hostAddress])
        }
        _ = try Workload.sink(port: port, address: peer, in: scratch)
    }

    var destination: String { isIPv6 ? "[\(service)]:80" : "\(service):80" }
    var actual: String { isIPv6 ? "[\(peer)]:\(port)" : "\(peer):\(port)" }

    /// A table of our own in the host's namespace, which is removed: the host's rules stay as they are.
    func translateOnTheNode() throws {
        let family = isIPv6 ? "ip6" : "ip"
        let table = "martlet_\(UInt32.random(in: .min ... .max))"
        try Command.check([
            "nft",
            """
            table \(family) \(table) {
                chain before {
                    type nat hook prerouting priority dstnat;
                    iifname "\(network.hostInterface)" \(family) daddr \(service) tcp dport 80 dnat to \(actual)
                }
            }
            """,
        ])
        scratch.atEnd { _ = try? Command.run(["nft", "delete", "table", family, table]) }
    }

    /// A rule that ends with the container's namespace.
    func translateInTheContainer(_ tool: Tool) throws {
        let enter = ["nsenter", "--net=" + network.path]
        switch tool {
        case .iptables:
            try Command.check(
                enter + [
                    "iptables", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-d", service, "--dport", "80", "-j", "DNAT",
                    "--to-destination", actual,
                ])
        case .nft:
            try Command.check(
                enter + [
                    "nft",
                    """
                    table ip own {
                        chain out { type nat hook output priority -100; ip daddr \(service) tcp dport 80 dnat to \(actual); }
                    }
                    """,
                ])
        }
    }
}
