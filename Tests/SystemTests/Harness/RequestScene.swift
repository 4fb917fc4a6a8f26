import Foundation
import Testing

/// An agent, and a container for the server and one for its clients.
final class RequestScene {
    let scratch: Scratch
    let agent: AgentProcess
    let port: Int
    let server: Cgroup
    let client: Cgroup

    /// - Parameter arguments: of the agent.
    init(_ name: String, _ arguments: [String] = []) throws {
        scratch = try Scratch()
        port = try Machine.freePort()
        let number = UInt16.random(in: .min ... .max)
        server = try Cgroup(making: "/system.slice/\(name)-server-\(number).service", in: scratch)
        client = try Cgroup(making: "/system.slice/\(name)-client-\(number).service", in: scratch)
        agent = try AgentProcess(arguments, in: scratch)
    }

    func remove() { scratch.remove() }

    /// A Python on PATH that has a module, which comes from PyPI.
    static func python(with module: String) throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let found = path.split(separator: ":").map { "\($0)/python3" }.first {
            FileManager.default.isExecutableFile(atPath: $0)
                && (try? Command.run([$0, "-c", "import " + module]))?.status == 0
        }
        guard let found else { try Test.cancel("no Python with \(module), which comes from PyPI") }
        return found
    }

    @discardableResult
    func serve(_ arguments: [String]) throws -> ChildProcess {
        let process = try server.start(arguments, in: scratch)
        let isOpen = soon(within: 60, every: 0.1) {
            process.poll() != nil
                || (try? Command.run(["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/\(port)"]))?.status == 0
        }
        guard isOpen, process.poll() == nil else {
            throw Failure("\(arguments[0]) does not listen: \(process.errors.suffix(1000))")
        }
        return process
    }

    /// Runs a client to its end.
    ///
    /// - Returns: its output.
    @discardableResult
    func ask(_ arguments: [String], status: Int32 = 0, seconds: Double = 60) throws -> String {
        try run(arguments, status: status, seconds: seconds).output
    }

    func run(_ arguments: [String], status: Int32 = 0, seconds: Double = 60) throws -> ChildProcess {
        let process = try client.start(arguments, in: scratch)
        let ended = process.wait(seconds: seconds)
        guard ended == status else {
            throw Failure("\(arguments.joined(separator: " ")): \(ended ?? -1): \(process.errors.suffix(1000))")
        }
        return process
    }

    /// What a container's counter shows by one label, when it is at least `total` and a second later.
    func counted(
        _ name: String, by label: String, of container: Cgroup, total: Double
    ) throws -> [String: Double] {
        func counts(_ page: Page) -> [String: Double] {
            var counts: [String: Double] = [:]
            for sample in page.all("container_\(name)_total") where sample.container == container.path {
                counts[sample.labels[label] ?? "", default: 0] += sample.value
            }
            return counts.filter { $0.value > 0 }
        }
        _ = soon(within: 15, every: 0.3) {
            guard let page = try? agent.page() else { return false }
            return counts(page).values.reduce(0, +) >= total
        }
        usleep(1_500_000)
        return counts(try agent.page())
    }

    /// Waits until both ends show this many requests by status, and not more a second later.
    ///
    /// - Parameters:
    ///   - kind: what the metrics call them.
    ///   - port: where the server is, if it listens in more than one place.
    /// - Returns: the page.
    @discardableResult
    func expect(
        _ name: String, kind: String = "queries", port: Int? = nil, _ expected: [String: Double],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Page {
        let port = port ?? self.port
        let destination = ["destination": "127.0.0.1:\(port)", "actual_destination": "127.0.0.1:\(port)"]
        func counted(_ page: Page) -> [[String: Double]] {
            [
                Self.byStatus(page.all("container_\(name)_\(kind)_total", destination), client.path),
                Self.byStatus(page.all("container_\(name)_inbound_\(kind)_total"), server.path),
            ]
        }
        let total = expected.values.reduce(0, +)
        _ = soon(within: 20, every: 0.3) {
            guard let page = try? agent.page() else { return false }
            return counted(page).allSatisfy { $0.values.reduce(0, +) >= total }
        }
        usleep(1_500_000)
        let page = try agent.page()
        let found = counted(page)
        let losses = page.samples.filter {
            ($0.name.hasSuffix("lost_total") || $0.name.hasSuffix("dropped_total")) && $0.value > 0
        }
        #expect(losses.isEmpty, "what the agent says it lost", sourceLocation: sourceLocation)
        #expect(found[0] == expected, "of the client", sourceLocation: sourceLocation)
        #expect(found[1] == expected, "of the server", sourceLocation: sourceLocation)
        // Every request that was answered has its time.
        let answered = total - (expected["unknown"] ?? 0) - (expected["unanswered"] ?? 0)
        let timed = page.value(
            "container_\(name)_\(kind)_duration_seconds_total_count", of: client.path, destination)
        #expect(timed ?? 0 >= answered, sourceLocation: sourceLocation)
        for other in ["http_requests", "mysql_queries", "postgres_queries", "redis_queries", "mongo_queries"]
        where !other.hasPrefix(name) {
            #expect(page.value("container_\(other)_total", of: client.path) == nil, "\(other)")
        }
        return page
    }

    static func byStatus(_ samples: [Sample], _ container: String) -> [String: Double] {
        var counts: [String: Double] = [:]
        for sample in samples where sample.container == container && sample.value > 0 {
            counts[sample.labels["status"] ?? "", default: 0] += sample.value
        }
        return counts
    }
}
