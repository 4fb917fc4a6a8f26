/// What the kernel side can do; each is probed and attached on its own, so that a refused one costs only itself.
public enum Feature: String, Sendable, CaseIterable {
    /// Start, exec and exit of processes, with OOM kills.
    case processes
    /// Control groups made, removed, and processes moved into them.
    case cgroups
    /// What is said on connections, from packets. Before `tcp`, so that its end of a connection is reported first.
    case requests
    /// TCP connections and listening sockets, with their bytes.
    case tcp
    /// Bytes of connections that are still open.
    case tcpSamples = "tcp_samples"
    /// Round-trip times of connections, for addresses that answer no echo request.
    case tcpRoundTrips = "tcp_round_trips"
    /// Requests that the kernel counts, of connections that are still open.
    case requestSamples = "request_samples"
    /// Sockets that are older than the agent.
    case tcpDiscovery = "tcp_discovery"
    /// Processes that are older than the agent, in one read; /proc is the fall-back.
    case processDiscovery = "process_discovery"
    /// The plain text of TLS, by probes in libraries and programs, attached one by one (`ProbeProgram`).
    case tls
    /// Which socket a TLS session uses whose library does not know.
    case tlsSockets = "tls_sockets"
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
        case .requests: ["packet_received", "packet_sent"]
        case .requestSamples: ["sample_requests"]
        case .tcp: ["tcp_state", "tcp_state_again", "tcp_state_once_again"]
        case .tcpSamples: ["sample_connections"]
        case .tcpRoundTrips: ["sample_round_trips"]
        case .tcpDiscovery: ["find_sockets"]
        case .processDiscovery: ["find_processes"]
        case .tls: ProbeProgram.allCases.map(\.rawValue)
        case .tlsSockets: ["tls_socket_sent", "tls_socket_received"]
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
        case .requests, .requestSamples:
            "Linux 5.12 with BTF, CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, and a cgroup2 tree"
        case .tls: "Linux 5.15 with BTF and uprobes, CAP_BPF and CAP_PERFMON"
        case .tlsSockets: "Linux 6.3 with BTF, CAP_BPF and CAP_PERFMON"
        case .processDiscovery, .fileWrites, .fileDiscovery: "Linux 5.8 with BTF, CAP_BPF and CAP_PERFMON"
        }
    }
}
