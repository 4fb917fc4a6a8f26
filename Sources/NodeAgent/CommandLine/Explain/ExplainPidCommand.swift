import ArgumentParser
import Containers
import Glibc
import Host
import Linux

/// `martlet-node explain pid`: what the cgroup of a process says, and its runtime.
struct ExplainPidCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pid",
        abstract: "Explain processes by their control group and by what the runtime knows.")

    @Argument(help: ArgumentHelp("Process ids.", valueName: "pid"))
    var pids: [Int32]

    @OptionGroup var options: AgentOptions

    func validate() throws {
        if let wrong = pids.first(where: { $0 < 1 }) { throw ValidationError("\(wrong) is not a process id") }
    }

    func run() async throws {
        let configuration = try options.configuration()
        let resolver = MetadataResolver(configuration.resolver)
        let base = (try? CgroupNamespace.base()) ?? nil
        let now = Int64(MonotonicClock.wallTime() / 1_000_000_000)
        var output = ExplainOutput(to: STDOUT_FILENO)
        for pid in pids {
            let paths = try? CgroupPaths.read(pid: pid, base: base)
            let classification = paths.map(Self.classify)
            var identity: ContainerIdentity?
            if let classification {
                let metadata = await resolver.resolve(classification, pid: pid).metadata
                identity = ContainerIdentity(
                    classification, metadata: metadata, now: now, options: configuration.identity)
            }
            output.write(input: "\(pid)", classification, identity: identity, otherwise: "no-process")
        }
        output.flush()
    }

    /// The path that names the process's container, chosen as the agent does: of the memory hierarchy where that is a
    /// container's.
    private static func classify(_ paths: CgroupPaths) -> CgroupClassification {
        if let memory = paths.memory.map(CgroupClassification.classify), memory.kind.needsMetadata, !memory.isCandidate
        {
            return memory
        }
        return CgroupClassification.classify(paths.id ?? "/")
    }
}
