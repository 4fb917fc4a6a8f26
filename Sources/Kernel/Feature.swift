/// What the kernel side can do; each is probed and attached on its own, so that a refused one costs only itself.
public enum Feature: String, Sendable, CaseIterable {
    /// Start, exec and exit of processes, with OOM kills.
    case processes
    /// Control groups made, removed, and processes moved into them.
    case cgroups
    /// TCP connections and listening sockets, with their bytes.
    case tcp
    /// Bytes of connections that are still open.
    case tcpSamples = "tcp_samples"
    /// Round-trip times of connections, for addresses that answer no echo request.
    case tcpRoundTrips = "tcp_round_trips"
    /// Sockets that are older than the agent.
    case tcpDiscovery = "tcp_discovery"
    /// Processes that are older than the agent, in one read; /proc is the fall-back.
    case processDiscovery = "process_discovery"
    /// Mounts to which containers write, from the file tables of writing and of ending processes.
    case fileWrites = "file_writes"
    /// The same from the file tables of all processes.
    case fileDiscovery = "file_discovery"

    /// The programs in bpf/ that make the feature.
    var programs: [String] {
        switch self {
        case .processes:
            [
                "process_fork", "process_fork_again", "process_exec", "process_exec_again", "process_exit",
                "process_exit_again",
            ]
        case .cgroups: ["cgroup_made", "cgroup_renamed", "cgroup_removed", "cgroup_attach"]
        case .tcp: ["tcp_state", "tcp_state_again", "tcp_state_once_again"]
        case .tcpSamples: ["sample_connections"]
        case .tcpRoundTrips: ["sample_round_trips"]
        case .tcpDiscovery: ["find_sockets"]
        case .processDiscovery: ["find_processes"]
        case .fileWrites: ["files_at_exit", "inode_dirtied"]
        case .fileDiscovery: ["find_written_files"]
        }
    }

    /// Without these the agent sees no containers.
    public var isCore: Bool { self == .processes || self == .cgroups }

    /// What the feature asks of the kernel, for people.
    public var requirement: String {
        switch self {
        case .processes, .cgroups, .tcp: "Linux 5.8 with BTF, CAP_BPF and CAP_PERFMON"
        case .tcpSamples, .tcpRoundTrips, .tcpDiscovery: "Linux 5.9 with BTF, CAP_BPF and CAP_PERFMON"
        case .processDiscovery, .fileWrites, .fileDiscovery: "Linux 5.8 with BTF, CAP_BPF and CAP_PERFMON"
        }
    }
}
