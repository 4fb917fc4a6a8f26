import Glibc
import Linux
import Logging
import Synchronization

/// An agent within the process of the live view, for when none runs on the machine.
final class OwnAgent: Sendable {
    private struct State {
        var lastLine = ""
        var exitCode: Int32?
    }

    let client: PageClient
    private let state: Mutex<State>

    /// Starts the agent on a free port of the loopback interface. `ended` is called when a signal has ended it.
    static func start(ended: @escaping @Sendable () -> Void) throws(UsageError) -> OwnAgent {
        var configuration = try Configuration(try ConfigurationSources.load(flags: [:]))
        let port = freePort()
        configuration.listen = "127.0.0.1:\(port)"
        configuration.minimumContainerAge = 0
        configuration.metricsEndpoints = []
        return OwnAgent(configuration, port: port, ended: ended)
    }

    private init(_ configuration: Configuration, port: Int, ended: @escaping @Sendable () -> Void) {
        client = PageClient(host: "127.0.0.1", port: port)
        state = Mutex(State())
        // The log would spoil the view; its last line matters if the agent ends.
        let sink = LogSink(
            perSecond: .infinity, burst: 1,
            output: { [weak self] line in
                self?.state.withLock { $0.lastLine = String(decoding: line.dropLast(), as: UTF8.self) }
            })
        let logger = Logger(label: "martlet") { _ in AgentLogHandler(sink: sink, level: .warning) }
        Task {
            let code = await Agent.run(configuration, logger: logger)
            self.state.withLock { $0.exitCode = code }
            if code == 0 { ended() }
        }
    }

    /// The agent's exit code once it has ended.
    var exitCode: Int32? { state.withLock { $0.exitCode } }

    /// What the agent logged last.
    var lastLine: String { state.withLock { $0.lastLine } }

    /// Waits until the agent has found what runs on the machine; false if it ends before that or takes longer.
    func waitUntilReady(timeout: UInt64 = 15_000_000_000) -> Bool {
        let ready = PageClient(host: client.host, port: client.port, target: "/readyz")
        let deadline = MonotonicClock.now() + timeout
        while exitCode == nil, MonotonicClock.now() < deadline {
            if (try? ready.fetch()) != nil { return true }
            usleep(50_000)
        }
        return false
    }

    /// A port that nothing listens on now.
    private static func freePort() -> Int {
        let raw = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard raw >= 0 else { return 0 }
        let socket = FileDescriptor(owning: raw)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                guard bind(socket.raw, generic, length) == 0, getsockname(socket.raw, generic, &length) == 0 else {
                    return
                }
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
    }
}
