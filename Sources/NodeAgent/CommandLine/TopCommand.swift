import ArgumentParser
import Glibc
import Linux

/// `martlet-node top`: a live view of the containers.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Show containers live: CPU, memory, connections, bytes, restarts, losses.",
        discussion: """
            Asks the agent that runs on this machine; if none does, or it only pushes, it starts one of its own for as long as the view \
            lasts, with the settings of the environment. Keys: q ends, c m n sort by CPU, memory, network.
            """)

    private static let defaultURL = "http://127.0.0.1:10300/metrics"

    @Option(help: ArgumentHelp("Page of a running agent. (default: \(defaultURL))", valueName: "url"))
    var url: String?

    @Option(
        help: ArgumentHelp(
            "Time between two pages; with --once, over which rates are taken. (default: 2s, with --once 10s)",
            valueName: "duration"))
    var interval: String?

    @Flag(help: "Print one table without control codes, and end.")
    var once = false

    /// Without a terminal it prints one table, too.
    private var isLive: Bool { !once && Terminal.isThere }

    func validate() throws {
        guard PageClient(url: url ?? Self.defaultURL) != nil else {
            throw ValidationError(
                "--url: \(UsageError.quoted(url ?? "")) is not an http URL; write for example --url=\(Self.defaultURL)")
        }
        guard nanoseconds != nil else {
            throw ValidationError(
                "--interval: \(UsageError.quoted(interval ?? "")) is not a duration from 100ms to 1h; "
                    + "write for example --interval=2s")
        }
    }

    func run() async throws {
        guard let client = PageClient(url: url ?? Self.defaultURL), let interval = nanoseconds else {
            return
        }
        let terminal = Terminal()
        // Signals are blocked: this thread gives the terminal back before the process ends.
        Task {
            let number = await TerminationSignal.wait()
            Self.end(terminal, code: number == SIGINT ? 0 : 128 + number)
        }
        let isLive = isLive
        let mayStart = url == nil
        let result = await Self.onThread { () -> Result<Void, any Error> in
            Result { try Self.show(client, interval, isLive: isLive, mayStart: mayStart, on: terminal) }
        }
        terminal.leave()
        try result.get()
    }

    /// Blocks until the view ends.
    private static func show(
        _ client: PageClient, _ interval: UInt64, isLive: Bool, mayStart: Bool, on terminal: Terminal
    ) throws {
        var client = client
        do throws(PageClientError) {
            _ = try client.fetch()
        } catch {
            guard mayStart, case .refused = error else { throw failed(error.description) }
            client = try ownAgent(terminal).client
        }
        let view = TopView(client: client, interval: interval)
        if isLive {
            terminal.enter()
            view.live(on: terminal)
        } else {
            do {
                for line in try view.once() { StandardStreams.print(line) }
            } catch {
                throw failed(error.description)
            }
        }
    }

    private static func ownAgent(_ terminal: Terminal) throws -> OwnAgent {
        if let refusal = Preflight.current().refusal {
            StandardStreams.complain("no agent runs here, and none can be started: \(refusal)")
            throw ExitCode(ExitStatus.notPermitted)
        }
        // The signal may reach the agent instead of this command: the view ends then, too.
        let agent = try OwnAgent.start { end(terminal, code: 0) }
        guard agent.waitUntilReady() else {
            throw failed("no agent runs here, and none could be started: \(agent.lastLine)")
        }
        return agent
    }

    private static func end(_ terminal: Terminal, code: Int32) -> Never {
        terminal.leave()
        Glibc.exit(code)
    }

    private static func failed(_ line: String) -> ExitCode {
        StandardStreams.complain(line)
        return ExitCode(1)
    }

    /// The interval in nanoseconds. The default with `once` is long enough for two readings of the control groups.
    private var nanoseconds: UInt64? {
        guard let duration = GoDuration(interval ?? (isLive ? "2s" : "10s")),
            (100_000_000...3_600_000_000_000).contains(duration.nanoseconds)
        else { return nil }
        return UInt64(duration.nanoseconds)
    }

    /// Runs `body` on a thread of its own.
    private static func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            PosixThread.start(name: "top") { continuation.resume(returning: body()) }
        }
    }
}
