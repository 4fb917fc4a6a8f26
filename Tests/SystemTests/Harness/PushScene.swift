import Foundation

/// An agent that pushes every 100 ms through a proxy, which makes faults, to a receiver of its own.
final class PushScene {
    /// Few series, and nothing that asks the network.
    static let quiet = [
        "--container-allowlist=/none", "--disable-pinger", "--disable-gpu-monitoring", "--disable-cloud-metadata",
        "--scrape-interval=100ms",
    ]

    let scratch: Scratch
    let store: any MetricsStore
    let proxy: FaultProxy
    let agent: AgentProcess

    /// - Parameters:
    ///   - plan: what the proxy does.
    ///   - path: where the receiver takes requests.
    ///   - prepare: runs before the agent starts; its spool is in the folder `wal`.
    init(
        _ plan: String, _ arguments: [String] = [], path: String = "/api/v1/write",
        prepare: (Scratch) throws -> Void = { _ in },
        store makeStore: (Scratch) throws -> any MetricsStore = { try Prometheus(in: $0) }
    ) throws {
        scratch = try Scratch()
        do {
            store = try makeStore(scratch)
            proxy = try FaultProxy(before: store.port, plan: plan, in: scratch)
            try prepare(scratch)
            agent = try AgentProcess(
                Self.quiet + ["--metrics-endpoint=http://127.0.0.1:\(proxy.port)\(path)"] + arguments,
                in: scratch)
        } catch {
            scratch.remove()
            throw error
        }
    }

    /// Waits until the agent has nothing left to send but what it gathers now.
    func drain(within seconds: Double) throws {
        try agent.page(within: seconds, "an empty spool") { page in
            page.value("martlet_queue_depth", ["queue": "spool_bytes"]) == 0
                && page.value("martlet_queue_depth", ["queue": "remote_write_requests"]) ?? 0 <= 1
        }
    }

    /// Ends the agent; the receiver's view of it afterwards.
    func end() throws -> PushLedger {
        _ = agent.terminate()
        return try store.ledger()
    }

    /// Lines of the agent's log that have `text` in them.
    func lines(_ text: String) -> [Substring] {
        agent.process.errors.split(separator: "\n").filter { $0.contains(text) }
    }
}
