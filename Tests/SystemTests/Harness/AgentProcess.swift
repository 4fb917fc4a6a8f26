import Foundation

/// The agent under test, run as a user would run it.
final class AgentProcess {
    let process: ChildProcess
    let address: String

    /// Starts the release binary on a free port of the loopback interface and waits until it is ready.
    ///
    /// - Parameters:
    ///   - launcher: a program that starts the agent, such as one that takes io_uring away.
    ///   - host: the address of the page.
    init(
        _ arguments: [String] = [], in scratch: Scratch, environment: [String: String] = [:], launcher: [String] = [],
        host: String = "127.0.0.1"
    ) throws {
        address = "\(host):\(try Machine.freePort())"
        let command =
            launcher + [Machine.agent, "--listen", address, "--min-container-age=0s", "--wal-dir", scratch.file("wal")]
            + arguments
        process = try ChildProcess(command, in: scratch, environment: environment)
        let ready = soon(within: 30) { process.poll() != nil || (try? get("/readyz", seconds: 2)) != nil }
        if let status = process.poll() {
            throw Failure("the agent ended with \(status): \(process.errors.suffix(2000))")
        }
        if !ready { throw Failure("the agent is not ready after 30 s: \(process.errors.suffix(2000))") }
    }

    /// The body of a path of the agent's page.
    func get(_ path: String, headers: [String] = [], seconds: Double = 20) throws -> String {
        var command = ["curl", "-sS", "--fail", "--compressed", "--max-time", "\(seconds)", "http://\(address)\(path)"]
        for header in headers { command += ["-H", header] }
        return try Command.check(command)
    }

    /// The current page.
    func page() throws -> Page {
        let text = try get("/metrics")
        do { return try Page(text) } catch {
            throw Failure("the page is not valid: \(error)")
        }
    }

    /// Fetches the page until it satisfies `condition`; fails with `what` and the agent's last words after `seconds`.
    @discardableResult
    func page(within seconds: Double, _ what: String, _ condition: (Page) -> Bool) throws -> Page {
        var last: Page?
        let found = try eventually(within: seconds, every: 0.1) {
            let page = try page()
            last = page
            return condition(page) ? page : nil
        }
        if let found { return found }
        let names = last?.containers.sorted().joined(separator: " ") ?? ""
        throw Failure("not within \(seconds) s: \(what)\ncontainers: \(names)\nagent: \(process.errors.suffix(1500))")
    }

    /// Complaints of `promtool check metrics` about the page; hints about naming are not complaints.
    func complaints() throws -> String {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let path = try scratch.write(get("/metrics") + "\n", to: "page")
        let result = try Command.run(["/bin/sh", "-c", "promtool check metrics < \(path)"])
        // 3: the page was read, but lint has advice on names, which are given by compatibility.
        return result.status == 0 || result.status == 3 ? "" : result.output + result.errors
    }

    /// SIGTERM; the exit code and how long it took.
    func terminate() -> (status: Int32?, seconds: Double) {
        let start = Machine.now
        process.signal(SIGTERM)
        let status = process.wait(seconds: 15)
        return (status, Machine.now - start)
    }
}
