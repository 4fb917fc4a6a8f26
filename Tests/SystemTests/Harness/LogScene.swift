import Foundation
import Testing

/// An agent that sends the logs of all containers through a proxy, which makes faults, to a collector of its own.
final class LogScene {
    /// Nothing that asks the network.
    private static let quiet = ["--disable-pinger", "--disable-gpu-monitoring", "--disable-cloud-metadata"]

    let scratch: Scratch
    let collector: LogCollector
    private(set) var proxy: FaultProxy
    private(set) var agent: AgentProcess
    private let arguments: [String]
    private var earlier: [FaultProxy.Request] = []

    /// - Parameters:
    ///   - plan: what the proxy does.
    ///   - lines: more than any log has.
    init(_ plan: String, _ arguments: [String] = [], lines: Int) throws {
        scratch = try Scratch()
        do {
            collector = try LogCollector(lines: lines, in: scratch)
            proxy = try FaultProxy(before: collector.port, plan: plan, in: scratch)
            self.arguments =
                Self.quiet + ["--logs-endpoint=http://127.0.0.1:\(proxy.port)/v1/logs"] + arguments
            agent = try AgentProcess(self.arguments, in: scratch)
        } catch {
            scratch.remove()
            throw error
        }
    }

    /// Three logs of real containers that began after the agent: a unit's file, a pod's and Docker's.
    static func logs(in scratch: Scratch) throws -> [NumberedLog] {
        let (containerd, docker) = (try ContainerdDaemon(in: scratch), try DockerDaemon(in: scratch))
        return [
            try .unit("plain", in: scratch), try .pod("cri", containerd, in: scratch), try .docker("json", docker),
        ]
    }

    /// What the proxy saw.
    var requests: [FaultProxy.Request] { earlier + proxy.requests }

    /// Nobody listens until `connect`.
    func disconnect() {
        proxy.stop()
        earlier += proxy.requests
    }

    func connect() throws { proxy = try FaultProxy(before: collector.port, port: proxy.port, in: scratch) }

    /// SIGKILL, and another life of the agent.
    func kill() throws {
        agent.process.signal(SIGKILL)
        #expect(agent.process.wait(seconds: 10) == 137)
        agent = try AgentProcess(arguments, in: scratch)
    }

    /// Lines of a log that the agent has read in this life.
    func read(_ log: NumberedLog, on page: Page) -> Int {
        Int(page.value("container_log_messages_total", of: log.container) ?? 0)
    }

    /// Waits until every line of every log has arrived, and gives what came.
    @discardableResult
    func expect(_ logs: [NumberedLog], missing: Int = 0, within seconds: Double) throws -> LogCollector.State {
        let total = logs.reduce(0) { $0 + $1.lines } - missing
        let found = try eventually(within: seconds, every: 0.2) { () -> LogCollector.State? in
            let state = try collector.state()
            return state.distinct >= total ? state : nil
        }
        if let found { return found }
        let wanted = logs.map { "\($0.name): \($0.lines)" }
        throw Failure(
            """
            not all of \(wanted) within \(seconds) s: \(try collector.state())
            faults: \((try? agent.page())?.samples.filter { $0.name == "martlet_faults_total" && $0.value > 0 } ?? [])
            agent: \(agent.process.errors.suffix(1500))
            """)
    }

    /// Log records that never arrive, by the agent's own account of this life.
    func lost(_ page: Page) -> Double {
        page.all("martlet_dropped_total").filter { $0.labels["reason"]?.hasSuffix("_log_records") == true }
            .reduce(0) { $0 + $1.value }
    }

    /// The agent's resident memory in bytes.
    func residentBytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(agent.process.pid)/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        guard let number = line?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw Failure("no VmRSS in \(text)")
        }
        return number << 10
    }
}
