/// What a cgroup path (from /proc/PID/cgroup, absolute in the host's cgroup namespace) says about its processes.
///
/// The rules and their order are those of coroot-node-agent; those for what it does not report are added where it would
/// find nothing. A pure function of the path: linear time, few allocations, any bytes accepted.
public struct CgroupClassification: Sendable, Hashable {
    public let kind: RuntimeKind

    /// The runtime's own id: 64 characters for container runtimes (any name for containerd), `/system.slice/UNIT` and the
    /// like for systemd, `/talos/NAME`, `/lxc/NAME`, `/machine/NAME`; empty where the path holds none.
    public let rawID: String

    /// The rule that matched, a short name that does not change between releases.
    public let rule: String

    /// The prefix of the path that is the container's own top cgroup: the same for every cgroup nested in it.
    public let rootPath: String

    /// Whether the path could be another program's as well: the container counts only where its runtime's state confirms
    /// it.
    public let isCandidate: Bool

    init(kind: RuntimeKind, rawID: String, rule: String, rootPath: String, isCandidate: Bool = false) {
        self.kind = kind
        self.rawID = rawID
        self.rule = rule
        self.rootPath = rootPath
        self.isCandidate = isCandidate
    }

    /// Whether the kubelet placed it: it belongs to a pod.
    var isKubernetes: Bool { kind == .sandbox || rule.hasPrefix("kubepods") }

    /// The id without the slice or runtime before it: what the path itself calls it.
    public var name: Substring {
        guard let slash = rawID.utf8.lastIndex(of: UInt8(ascii: "/")) else { return rawID[...] }
        return rawID[rawID.utf8.index(after: slash)...]
    }

    /// The namespaces in which containerd may know it, where no shim tells: the path's own, and those of the usual
    /// clients.
    var containerdNamespaces: [String] {
        switch rule {
        case "containerd-candidate": return [topName]
        case "bare-id": return [topName, "moby", "k8s.io", "default"]
        case "nerdctl-scope": return ["default", "k8s.io"]
        case "cri-containerd-scope": return ["k8s.io", "default"]
        default: return kind == .docker && !isKubernetes ? ["moby", "k8s.io"] : ["k8s.io", "moby"]
        }
    }

    private var topName: String {
        rootPath.split(separator: "/").first { $0 != ".." }.map(String.init) ?? ""
    }

    /// The number of characters of a container id.
    static let idLength = 64

    /// Classifies `path`; the first rule that matches wins.
    public static func classify(_ path: String) -> CgroupClassification { classify(CgroupPath(Array(path.utf8))) }

    /// Classifies a path that may be no valid UTF-8.
    public static func classify(bytes: [UInt8]) -> CgroupClassification { classify(CgroupPath(bytes)) }

    private static func classify(_ path: CgroupPath) -> CgroupClassification {
        guard path.isAbsolute else { return path.result(.unknown, "relative") }
        if path.hasSuffix(" (deleted)") { return path.result(.unknown, "deleted") }
        guard path.componentCount > 0 else { return path.result(.standalone, "root") }
        if path.componentCount == 1, path.component(0, is: "init") {
            return path.result(.talos, "talos-init", id: "/talos/init")
        }
        let isDocker =
            path.component(0, is: "docker")
            || path.component(0, is: "system.slice")
                && path.component(1, startsWith: "docker-")
        let outer = path.lxc(0) ?? path.machine()
        // Before user.slice, where rootless runtimes live.
        if !isDocker, outer == nil, let scope = path.scope() { return scope }
        if path.component(0, is: "user.slice") {
            return path.userService() ?? path.rootlessPodman() ?? path.result(.standalone, "session")
        }
        if path.component(0, is: "init.scope") || path.component(0, is: "systemd") {
            return path.result(.standalone, "session")
        }
        if isDocker {
            guard let id = path.id() else { return path.result(.unknown, "docker-without-id") }
            return path.result(.docker, "docker", id: id)
        }
        if path.contains("kubepods") { return path.kubernetes() }
        if let outer { return outer }
        if path.componentCount == 1 { return path.result(.standalone, "top-level") }
        if path.component(0, is: "system") || path.component(0, is: "podruntime") {
            return path.result(.talos, "talos", id: "/talos/" + path.component(1), components: 2)
        }
        if isSystemSlice(path) {
            if path.hasSuffix(".scope") { return path.result(.standalone, "scope") }
            let id = "/" + path.component(0) + "/" + path.component(1)
            return path.result(.systemd, "systemd", id: SystemdUnit.unescape(id), components: 2)
        }
        if path.component(0, is: "libpod_parent") { return path.result(.unknown, "podman-conmon") }
        return path.candidate() ?? path.result(.unknown, "no-rule")
    }

    private static func isSystemSlice(_ path: CgroupPath) -> Bool {
        path.component(0, is: "system.slice") || path.component(0, is: "runtime.slice")
            || path.component(0, is: "reserved.slice") || path.component(0, is: "kube.slice")
            || path.component(0, is: "azure.slice") || path.component(0, is: "podruntime.slice")
    }

    /// gVisor hides the container's id from the cgroup path, but its sandbox process carries it as the last argument.
    /// Returns self for anything but a sandbox started by runsc.
    public func refined(arguments: [String]) -> CgroupClassification {
        guard kind == .sandbox, rawID.isEmpty, let program = arguments.first, let last = arguments.last,
            program.hasSuffix("runsc-sandbox") || program.hasSuffix("runsc"),
            let id = CgroupPath(Array(last.utf8)).id()
        else { return self }
        return CgroupClassification(
            kind: .sandbox, rawID: String(decoding: last.utf8.dropFirst(id.lowerBound).prefix(id.count), as: UTF8.self),
            rule: "gvisor", rootPath: rootPath)
    }
}
