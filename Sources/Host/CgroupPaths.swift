public import Linux

/// The cgroups of one process: a path within each hierarchy that matters here.
///
/// A path is nil where the process is in the root or in `/init.scope` of the hierarchy, or the hierarchy does not exist.
public struct CgroupPaths: Sendable, Equatable {
    /// The path in the version 2 tree.
    public var v2: String?
    public var cpu: String?
    public var cpuacct: String?
    public var memory: String?
    public var blkio: String?
    /// The path in systemd's own version 1 hierarchy (`name=systemd`).
    public var systemd: String?
    /// True if a cgroup of the process was removed already (the kernel appends ` (deleted)`): it is about to end or to
    /// move, and says nothing on a container.
    public var isDeleted = false

    public init() {}

    /// The path that names the container: a Kubernetes path of the cpu or memory controller first, then version 2, cpu,
    /// memory and systemd. nil for processes in no cgroup of their own.
    public var id: String? {
        if let cpu, cpu.hasPrefix("/kubepods") { return cpu }
        if let memory, memory.hasPrefix("/kubepods") { return memory }
        return v2 ?? cpu ?? memory ?? systemd
    }

    /// Reads `/proc/PID/cgroup`. `base` is `CgroupNamespace.base()`. Throws `ENOENT` or `ESRCH` once the process is gone.
    public static func read(pid: Int32, base: CgroupPaths? = nil) throws(Errno) -> CgroupPaths {
        parse(try SmallFile.bytes("/proc/\(pid)/cgroup", limit: 1 << 18), base: base)
    }

    /// Parses lines `number:controller,controller:path`; others are skipped. Paths are joined onto those of `base` (the
    /// agent's own cgroups, if it is in a private namespace).
    public static func parse(_ bytes: [UInt8], base: CgroupPaths? = nil) -> CgroupPaths {
        parse(bytes, base: base, keepingRoots: false)
    }

    /// `keepingRoots` keeps `/` and `/init.scope`, which a base needs.
    static func parse(_ bytes: [UInt8], base: CgroupPaths? = nil, keepingRoots: Bool) -> CgroupPaths {
        var result = CgroupPaths()
        var cursor = ByteCursor(bytes.span.bytes)
        while !cursor.isAtEnd {
            if cursor.number() != nil, cursor.skip(":"), let names = cursor.nextField(endedBy: UInt8(ascii: ":")) {
                var path = cursor.text(cursor.restOfLine())
                if path.hasSuffix(" (deleted)") {
                    path.removeLast(" (deleted)".count)
                    result.isDeleted = true
                }
                if path.hasPrefix("/") {
                    for name in cursor.text(names).split(separator: ",", omittingEmptySubsequences: false) {
                        var own = path
                        if let base { own = join(own, onto: base[name] ?? "/") }
                        result[name] = keepingRoots ? own : kept(own)
                    }
                }
            }
            cursor.skipLine()
        }
        return result
    }

    /// `relative` (which may begin with `/../..`) as seen from the root above `base`. Both begin with a slash; what would
    /// lead above the root stays at it.
    public static func join(_ relative: String, onto base: String) -> String {
        var parts = [Substring]()
        for part in base.split(separator: "/") + relative.split(separator: "/") {
            switch part {
            case "..": _ = parts.popLast()
            case ".": break
            default: parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// What stands in the result for a path: LXC's inner cgroups belong to the container above them, and the root and
    /// pid 1's scope belong to no container.
    private static func kept(_ path: String) -> String? {
        if path == "/" || path == "/init.scope" { return nil }
        if path.hasPrefix("/lxc.payload."), let end = path.dropFirst().firstIndex(of: "/") {
            return String(path[..<end])
        }
        return path
    }

    /// The path of the hierarchy with a controller of this name (empty for version 2); other names are ignored.
    private subscript(controller: Substring) -> String? {
        get {
            switch controller {
            case "": v2
            case "cpu": cpu
            case "cpuacct": cpuacct
            case "memory": memory
            case "blkio": blkio
            case "name=systemd": systemd
            default: nil
            }
        }
        set {
            switch controller {
            case "": v2 = newValue
            case "cpu": cpu = newValue
            case "cpuacct": cpuacct = newValue
            case "memory": memory = newValue
            case "blkio": blkio = newValue
            case "name=systemd": systemd = newValue
            default: break
            }
        }
    }
}
