import ArgumentParser
import Containers
import Glibc
import Linux

/// `martlet-node explain cgroup`: what a cgroup path alone says. Needs no privileges and asks nobody.
struct ExplainCgroupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cgroup",
        abstract: "Explain paths of control groups, as /proc/PID/cgroup has them.")

    @Argument(
        help: ArgumentHelp("Paths; without any they are read from standard input, one a line.", valueName: "path"))
    var paths: [String] = []

    @OptionGroup var options: AgentOptions

    func run() throws {
        let configuration = try options.configuration()
        var output = ExplainOutput(to: STDOUT_FILENO)
        let now = Int64(MonotonicClock.wallTime() / 1_000_000_000)
        func explain(_ path: [UInt8], isWhole: Bool) {
            let classification = isWhole ? CgroupClassification.classify(bytes: path) : nil
            output.write(
                input: String(decoding: path, as: UTF8.self), classification,
                identity: classification.flatMap {
                    ContainerIdentity($0, metadata: nil, now: now, options: configuration.identity)
                }, otherwise: "too-long")
        }
        for path in paths { explain(Array(path.utf8), isWhole: true) }
        if paths.isEmpty {
            var lines = BoundedLines(of: STDIN_FILENO)
            while let line = lines.next() { explain(line.bytes, isWhole: line.isWhole) }
        }
        output.flush()
    }
}
