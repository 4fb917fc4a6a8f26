import ArgumentParser
import Glibc
import Linux

/// `martlet-node cardinality`: where the series come from.
struct CardinalityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cardinality",
        abstract: "Show which metrics, containers and labels make the most series.",
        discussion: """
            Reads the page of the agent that runs on this machine, or a page in a file. An agent that only pushes has no \
            page: start it with --listen, or ask the receiver for martlet_container_series and martlet_family_series.
            """)

    private static let defaultURL = "http://127.0.0.1:10300/metrics"
    /// A page of a million series.
    private static let largestPage = 512 << 20

    @Argument(help: ArgumentHelp("File with a page in place of an agent; - is standard input.", valueName: "file"))
    var file: String?

    @Option(
        name: [.customLong("address"), .customLong("url")],
        help: ArgumentHelp("Page of a running agent. (default: \(defaultURL))", valueName: "url"))
    var address: String?

    @Option(help: ArgumentHelp("Rows of each table. (default: 10)", valueName: "number"))
    var limit: Int = 10

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard PageClient(url: address ?? Self.defaultURL) != nil else {
            throw ValidationError(
                "--address: \(UsageError.quoted(address ?? "")) is not an http URL; "
                    + "write for example --address=\(Self.defaultURL)")
        }
        if file != nil, address != nil { throw ValidationError("give a file or --address, not both") }
        guard limit > 0 else { throw ValidationError("--limit: write a number of 1 or more") }
    }

    func run() throws {
        let cardinality = Cardinality(PageText(try page()))
        guard cardinality.series > 0 else { throw Self.failed("there is not one series in the page") }
        let output = CardinalityOutput(cardinality: cardinality, limit: limit)
        if json {
            StandardStreams.write(output.json(), to: STDOUT_FILENO)
        } else {
            StandardStreams.write(Array((output.lines().joined(separator: "\n") + "\n").utf8), to: STDOUT_FILENO)
        }
    }

    private func page() throws -> [UInt8] {
        if let file { return try file == "-" ? Self.standardInput() : Self.read(file) }
        guard var client = PageClient(url: address ?? Self.defaultURL) else { return [] }
        client.limit = Self.largestPage
        do throws(PageClientError) {
            return try client.fetch()
        } catch {
            var line = error.description
            if case .refused = error {
                line +=
                    "; an agent that only pushes has no page: start it with --listen, or ask the receiver for "
                    + "martlet_container_series and martlet_family_series"
            }
            throw Self.failed(line)
        }
    }

    private static func read(_ path: String) throws -> [UInt8] {
        do throws(Errno) {
            return try SmallFile.bytes(path, limit: largestPage)
        } catch {
            throw failed("cannot read \(UsageError.quoted(path)): \(error)")
        }
    }

    private static func standardInput() throws -> [UInt8] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = block.withUnsafeMutableBytes { Glibc.read(STDIN_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw failed("cannot read standard input: \(Errno.last)") }
            if count == 0 { return bytes }
            guard bytes.count + count <= largestPage else { throw failed("standard input holds more than 512 MB") }
            bytes += block[..<count]
        }
    }

    private static func failed(_ line: String) -> ExitCode {
        StandardStreams.complain(line)
        return ExitCode(1)
    }
}
