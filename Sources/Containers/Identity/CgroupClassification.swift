/// What a cgroup path (from /proc/PID/cgroup, absolute in the host's cgroup namespace) says about its processes.
///
/// The rules and their order are those of coroot-node-agent; Podman's are added. A pure function of the path: linear
/// time, no allocation but the result, any bytes accepted.
public struct CgroupClassification: Sendable, Hashable {
    public let kind: RuntimeKind

    /// The runtime's own id: 64 characters for container runtimes, `/system.slice/UNIT` and the like for systemd,
    /// `/talos/NAME`, `/lxc/NAME`; empty where the path holds none.
    public let rawID: String

    /// The rule that matched, a short name that does not change between releases.
    public let rule: String

    /// The prefix of the path that is the container's own top cgroup: the same for every cgroup nested in it.
    public let rootPath: String

    /// The number of characters of a container id.
    static let idLength = 64

    /// Classifies `path`; the first rule that matches wins.
    public static func classify(_ path: String) -> CgroupClassification {
        let path = CgroupPath(path)
        guard path.isAbsolute else { return path.result(.unknown, "relative") }
        if path.hasSuffix(" (deleted)") { return path.result(.unknown, "deleted") }
        guard path.componentCount > 0 else { return path.result(.standalone, "root") }
        let first = path.component(0)
        let second = path.componentCount > 1 ? path.component(1) : ""

        if path.componentCount == 1, first == "init" {
            return path.result(.talos, "talos-init", id: "/talos/init")
        }
        let isDocker = first == "docker" || first == "system.slice" && second.hasPrefix("docker-")
        // Before user.slice, where rootless Podman lives. What runs nested in another runtime's container is that
        // one's.
        if !isDocker, let podman = path.podman() { return podman }
        switch first {
        case "user.slice", "init.scope", "systemd": return path.result(.standalone, "session")
        default: break
        }
        if isDocker {
            guard let id = path.id() else { return path.result(.unknown, "docker-without-id") }
            return path.result(.docker, "docker", id: id)
        }
        if path.contains("kubepods") { return path.kubernetes() }
        if path.componentCount > 1, first == "system" || first == "podruntime" {
            return path.result(.talos, "talos", id: "/talos/" + second, components: 2)
        }
        switch first {
        case "system.slice", "runtime.slice", "reserved.slice", "kube.slice", "azure.slice", "podruntime.slice":
            guard path.componentCount > 1 else { break }
            if path.hasSuffix(".scope") { return path.result(.standalone, "scope") }
            let id = "/" + first + "/" + second
            return path.result(.systemd, "systemd", id: SystemdUnit.unescape(id), components: 2)
        case "lxc":
            guard path.componentCount > 1 else { break }
            return path.result(.lxc, "lxc", id: "/lxc/" + second, components: 2)
        default:
            let payload = "lxc.payload."
            if first.hasPrefix(payload) {
                return path.result(.lxc, "lxc-payload", id: "/lxc/" + first.dropFirst(payload.count), components: 1)
            }
        }
        if path.componentCount == 1 { return path.result(.standalone, "top-level") }
        return path.result(.unknown, "no-rule")
    }

    /// gVisor hides the container's id from the cgroup path, but its sandbox process carries it as the last argument.
    /// Returns self for anything but a sandbox started by runsc.
    public func refined(arguments: [String]) -> CgroupClassification {
        guard kind == .sandbox, rawID.isEmpty, let program = arguments.first, let last = arguments.last,
            program.hasSuffix("runsc-sandbox") || program.hasSuffix("runsc"), let id = CgroupPath(last).id()
        else { return self }
        return CgroupClassification(
            kind: .sandbox, rawID: String(decoding: last.utf8.dropFirst(id.lowerBound).prefix(id.count), as: UTF8.self),
            rule: "gvisor", rootPath: rootPath)
    }
}
