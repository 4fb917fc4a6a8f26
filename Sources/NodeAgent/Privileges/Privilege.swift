import Kernel

/// What one part of the agent asks of capabilities(7): the one table of which `martlet-node check`, the check at the start,
/// `--drop-privileges` and docs/privileges.md are made.
///
/// From the kernel's own checks; tried as whole sets, the minimum and nothing (Tests/SystemTests/LeastPrivilege.swift).
struct Privilege: Sendable {
    /// As in `martlet_feature_enabled`.
    let feature: String
    /// Needed until everything is attached.
    let start: [Capabilities.Name]
    /// Needed as long as the agent runs.
    let running: [Capabilities.Name]
    /// What needs them.
    let purpose: String
    /// What is not there without them.
    let loss: String
    /// Whether the part itself finds out that it cannot run, says so and sets its feature.
    var isProbed = false
    /// Whether this agent needs the part at all.
    let isWanted: @Sendable (Situation) -> Bool

    /// What decides which parts are needed.
    struct Situation: Sendable {
        var configuration = Configuration()
        /// Whether this kernel lets only CAP_BPF use maps and iterators.
        var bpfNeedsCapability = false
        /// Whether the page's port is one that only CAP_NET_BIND_SERVICE may open.
        var portIsPrivileged = false
    }

    static let table: [Privilege] = [
        Privilege(
            feature: "kernel_events", start: [.bpf, .perfmon], running: [],
            purpose: "loading and attaching the BPF programs; CAP_SYS_ADMIN does as well",
            loss: "the agent does not start", isWanted: { _ in true }),
        Privilege(
            feature: "kernel_maps", start: [], running: [.bpf],
            purpose: "reading maps and iterators where kernel.unprivileged_bpf_disabled is set, before Linux 5.19",
            loss: "bytes of open connections, losses, and what is older than the agent",
            isWanted: { $0.bpfNeedsCapability }),
        Privilege(
            feature: "container_metadata", start: [], running: [.sysPtrace, .dacReadSearch],
            purpose: "/proc/PID/root, cwd, environ and ns of other users, files of container runtimes",
            loss: "names, images and labels of containers", isWanted: { _ in true }),
        Privilege(
            feature: "logs", start: [], running: [.sysPtrace, .dacReadSearch],
            purpose:
                "files in the mount namespaces of containers (/proc/PID/root), and logs that only their owners may read",
            loss: "log messages of files that the agent's user may not read", isWanted: { $0.configuration.readsLogs }),
        Privilege(
            feature: "network_namespaces", start: [], running: [.sysPtrace, .sysAdmin],
            purpose: "entering the network namespaces of containers (setns(2))",
            loss:
                "in network namespaces of their own: sockets older than the agent, addresses of sockets that listen on all",
            isWanted: { _ in true }),
        Privilege(
            feature: "conntrack", start: [], running: [.netAdmin, .sysAdmin],
            purpose: "asking the kernel's connection tracking, of the host and of containers (netlink(7))",
            loss: "actual destinations behind NAT", isProbed: true, isWanted: { _ in true }),
        Privilege(
            feature: "requests", start: [.netAdmin], running: [],
            purpose: "seeing packets at the root of the cgroup2 tree (BPF_PROG_TYPE_CGROUP_SKB)",
            loss: "requests: no metrics of protocols, no traces", isProbed: true,
            isWanted: { $0.configuration.watchesRequests }),
        Privilege(
            feature: "latency_icmp", start: [], running: [.netRaw, .sysAdmin],
            purpose: "echo requests, from the host and from containers (raw(7))",
            loss: "latency is that of TCP connections", isProbed: true,
            isWanted: { !$0.configuration.disablePinger }),
        Privilege(
            feature: "tls_probes", start: [], running: [.bpf, .perfmon, .sysPtrace],
            purpose: "probes in TLS libraries and programs as processes come and go",
            loss: "requests over TLS", isWanted: { $0.configuration.watchesRequests }),
        Privilege(
            feature: "process_delays", start: [], running: [.netAdmin],
            purpose: "asking the kernel's taskstats how long processes wait (netlink(7))",
            loss: "delays of processes that still run; those of ended ones are counted", isWanted: { _ in true }),
        Privilege(
            feature: "privileged_port", start: [], running: [.netBindService],
            purpose: "a page on a port below net.ipv4.ip_unprivileged_port_start",
            loss: "the agent does not start", isWanted: { $0.portIsPrivileged }),
        Privilege(
            feature: "drop_privileges", start: [.setpcap], running: [],
            purpose: "emptying the bounding set (--drop-privileges)",
            loss: "the bounding set stays; no_new_privs makes it useless",
            isWanted: { $0.configuration.dropsPrivileges }),
        Privilege(
            feature: "run_as", start: [.setuid, .setgid], running: [],
            purpose: "becoming another user (--run-as)", loss: "the agent does not start",
            isWanted: { $0.configuration.runAs != nil }),
    ]

    /// What the agent keeps while it runs, if nothing else is asked for.
    static func minimum(_ situation: Situation) -> Set<Capabilities.Name> {
        Set(table.filter { $0.isWanted(situation) }.flatMap(\.running))
    }

    /// The table in Markdown, as it stands in docs/privileges.md.
    static var markdown: [String] {
        func list(_ names: [Capabilities.Name]) -> String {
            names.isEmpty ? "–" : names.map { "`\($0.text)`" }.joined(separator: ", ")
        }
        return ["| Part | At the start | While running | For | Without |", "|---|---|---|---|---|"]
            + table.map { row in
                "| `\(row.feature)` | \(list(row.start)) | \(list(row.running)) | \(row.purpose) | \(row.loss) |"
            }
    }
}
