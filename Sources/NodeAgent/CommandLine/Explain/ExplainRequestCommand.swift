import ArgumentParser
import Glibc
import Linux
import Protocols

/// `martlet-node explain request`: what the agent records of the bytes of a connection. Needs no privileges and asks nobody.
struct ExplainRequestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "request",
        abstract: "Explain the bytes of a connection: one JSON object for each request, or message of a broker.",
        discussion: """
            Writes protocol, method, target, status (as the metrics' label says it; unanswered without an answer), statement \
            and attributes. Without --protocol also what the connection is taken for, as detected.
            """)

    @Option(
        name: .customLong("protocol"),
        help: ArgumentHelp(
            "What is spoken: \(ApplicationProtocol.allCases.map(\.name).joined(separator: ", ")). Found out by default.",
            valueName: "protocol"),
        transform: Self.known)
    var applicationProtocol: ApplicationProtocol?

    @Option(help: ArgumentHelp("What the client sent; - is standard input.", valueName: "file"))
    var request: String

    @Option(help: ArgumentHelp("What the server sent; - is standard input.", valueName: "file"))
    var response: String?

    /// Names that people use beside the agent's own.
    private static let otherNames: [String: ApplicationProtocol] = [
        "http": .http1, "http/1.1": .http1, "h2": .http2, "h2c": .http2, "grpc": .http2, "postgresql": .postgres,
        "mongodb": .mongo, "amqp": .rabbitmq, "dubbo": .dubbo2, "mariadb": .mysql,
    ]

    private static func known(_ name: String) throws -> ApplicationProtocol {
        if let found = ApplicationProtocol(name: name) ?? otherNames[name] { return found }
        let names = ApplicationProtocol.allCases.map(\.name).joined(separator: ", ")
        throw ValidationError("\(name) is no protocol that is known; there are \(names)")
    }

    func validate() throws {
        if request == "-", response == "-" {
            throw ValidationError("--request and --response cannot both be standard input")
        }
    }

    func run() throws {
        let asked = try Self.read(request)
        let answered = try response.map(Self.read) ?? []
        let explainer = RequestExplainer(expected: applicationProtocol)
        explainer.read(request: asked, response: answered)
        var output = JSONLines(to: STDOUT_FILENO)
        for exchange in explainer.exchanges { Self.write(exchange, explainer, to: &output) }
        if explainer.exchanges.isEmpty {
            Self.write(nil, explainer, to: &output)
            let name = (applicationProtocol ?? explainer.detected).map { "request of \($0.name)" } ?? "known protocol"
            StandardStreams.complain("\(request): no \(name) is in these bytes; nothing would be recorded")
        } else if explainer.omitted > 0 {
            StandardStreams.complain(
                "\(explainer.omitted) requests are not shown; the first \(RequestExplainer.maximumExchanges) are")
        }
        output.flush()
    }

    private static func read(_ path: String) throws -> [UInt8] {
        do {
            let input = try BoundedInput(path)
            if input.isCut {
                StandardStreams.complain("\(path): only the first \(BoundedInput.limit) bytes were read")
            }
            return input.bytes
        } catch {
            StandardStreams.complain("\(path) cannot be read: \(error)")
            throw ExitCode.failure
        }
    }

    /// One line; without an exchange nothing was recognised.
    private static func write(
        _ exchange: RequestExplainer.Exchange?, _ explainer: RequestExplainer, to output: inout JSONLines
    ) {
        output.begin()
        if explainer.expected == nil { output.add("detected", explainer.detected?.name ?? "none") }
        output.add("protocol", (explainer.expected ?? explainer.detected)?.name ?? "")
        output.add("method", exchange?.method ?? "")
        output.add("target", exchange?.target ?? "")
        output.add("status", exchange?.status ?? "")
        output.add("statement", exchange?.statement ?? "")
        output.add("attributes") { output in
            for (key, value) in exchange?.attributes ?? [] { output.add(key, value) }
        }
        output.end()
    }
}
