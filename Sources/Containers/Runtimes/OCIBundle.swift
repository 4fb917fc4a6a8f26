import Exchange
import Glibc
import Linux

/// A container's OCI bundle: the directory from which its runtime was started, with the `config.json` of the OCI
/// runtime specification.
///
/// It is found without asking any daemon: the first ancestor of a container's process that is outside of its cgroup is
/// the monitor (containerd-shim, conmon, runc), which stands in the bundle or names it in its arguments.
struct OCIBundle: Sendable {
    var annotations: [String: String] = [:]
    /// Host sources of bind mounts by destination.
    var mounts: [String: String] = [:]
    /// `NOMAD_*` and `COROOT_*` only.
    var environment: [String: String] = [:]
    /// `linux.cgroupsPath`, in the runtime's own spelling.
    var cgroupsPath = ""
    /// The bundle's directory on the host, where it is known by name; empty when it was reached through a shim.
    var directory = ""
    /// The root that `directory` belongs to.
    var root: RootDirectory?
    /// The monitor's arguments; empty for a bundle found without its monitor.
    var monitorArguments: [String] = []
    /// containerd's namespace, from its shim's arguments or the directory; empty for other runtimes.
    var containerdNamespace = ""
    /// The socket of the containerd that the shim belongs to; empty where no shim told it.
    var containerdAddress = ""
    /// The container's first process, as the bundle's pid file says.
    var initPID: Int32?

    /// A specification is 10–30 KB; one with thousands of mounts stays below this.
    private static let sizeLimit = 2 << 20
    /// Ancestors that are looked at: a container's process tree is rarely deeper than this.
    private static let ancestorLimit = 64
    /// Ancestors outside of the container: `runc init` still hangs below `runc create` below the shim.
    private static let monitorLimit = 4

    /// The bundle of the container that `pid` runs in; nil when no ancestor leads to one that is this container's.
    static func find(
        pid: Int32, of classification: CgroupClassification, processes: ProcessTable
    ) -> OCIBundle? {
        var current = pid
        var outside = 0
        for _ in 0..<ancestorLimit {
            guard current > 1, let status = processes.status(current) else { return nil }
            if current != pid, !processes.isInside(current, classification) {
                outside += 1
                if let bundle = read(monitor: current, name: status.name, of: classification, processes: processes) {
                    return bundle
                }
                if outside == monitorLimit { return nil }
            }
            current = status.parent
        }
        return nil
    }

    /// The bundle of a container whose processes are gone or hidden, from the places where runtimes keep them.
    static func find(of classification: CgroupClassification, root: RootDirectory) -> OCIBundle? {
        let places: [String]
        switch classification.kind {
        case .podman:
            places = ["/var/lib/containers/storage/overlay-containers/ID/userdata"]
        case .crio:
            places = [
                "/run/containers/storage/overlay-containers/ID/userdata",
                "/var/run/containers/storage/overlay-containers/ID/userdata",
            ]
        default: return findTask(of: classification, root: root)
        }
        for place in places {
            let parts = place.split(separator: "/").map { $0 == "ID" ? classification.rawID : String($0) }
            if let bundle = read(directory: "/" + parts.joined(separator: "/"), of: classification, root: root) {
                return bundle
            }
        }
        return nil
    }

    private static let taskDirectories = [
        "/run/containerd", "/run/k3s/containerd", "/run/k0s/containerd", "/var/snap/microk8s/common/run/containerd",
    ]

    /// A bundle in containerd's state, `STATE/io.containerd.runtime.v2.task/NAMESPACE/ID`.
    private static func findTask(of classification: CgroupClassification, root: RootDirectory) -> OCIBundle? {
        for state in taskDirectories {
            for namespace in classification.containerdNamespaces {
                let directory = "\(state)/io.containerd.runtime.v2.task/\(namespace)/\(classification.rawID)"
                if var bundle = read(directory: directory, of: classification, root: root) {
                    bundle.containerdNamespace = namespace
                    return bundle
                }
            }
        }
        return nil
    }

    /// Reads a specification; a document of another kind gives an empty bundle.
    static func parse(_ bytes: [UInt8]) throws(JSONError) -> OCIBundle {
        let document = try JSONDocument(parsing: bytes, sizeLimit: sizeLimit)
        let specification = document.root
        var bundle = OCIBundle()
        bundle.annotations = specification.strings("annotations")
        bundle.cgroupsPath = specification.string("linux", "cgroupsPath") ?? ""
        var mounts = [String: String]()
        specification.member("mounts")?.forEachElement(limit: ContainerMetadata.itemLimit) { mount in
            if let source = mount.string("source"), source.hasPrefix("/"),
                let destination = mount.string("destination")
            {
                mounts[destination] = source
            }
        }
        bundle.mounts = mounts
        var kept = ContainerMetadata()
        specification.member("process", "env")?.forEachElement { entry in
            if let entry = entry.string() { kept.keep(environment: entry) }
        }
        bundle.environment = kept.environment
        return bundle
    }

    /// The bundle of a monitor process, if it is the container's own.
    private static func read(
        monitor: Int32, name: String, of classification: CgroupClassification, processes: ProcessTable
    ) -> OCIBundle? {
        if name == "conmon" {
            let arguments = processes.arguments(monitor)
            guard
                let directory = ProcessTable.value(of: "-b", in: arguments)
                    ?? ProcessTable.value(of: "--bundle", in: arguments)
            else { return nil }
            let root = RootDirectory("\(processes.path)/\(monitor)/root")
            guard var bundle = read(directory: directory, of: classification, root: root) else { return nil }
            bundle.monitorArguments = arguments
            if let path = ProcessTable.value(of: "-p", in: arguments) {
                bundle.initPID = pid(try? root.bytes(path, limit: 32)) ?? bundle.initPID
            }
            return bundle
        }
        guard
            let directory = try? FileDescriptor.open(
                "\(processes.path)/\(monitor)/cwd", RootDirectory.pathOnly | O_DIRECTORY)
        else { return nil }
        // One shim may serve all containers of a pod: it stands in the first one's bundle, the others are its siblings.
        for prefix in ["../\(classification.rawID)/", ""] {
            guard let bytes = try? RootDirectory.bytes(at: directory, prefix + "config.json", limit: sizeLimit),
                var bundle = try? parse(bytes)
            else { continue }
            let isShim = name.hasPrefix("containerd-shim")
            guard !prefix.isEmpty && !classification.isCandidate || bundle.belongs(to: classification) else { continue }
            // Any process may stand beside a directory with a common name.
            if classification.isCandidate, !isShim { continue }
            bundle.initPID = Self.pid(try? RootDirectory.bytes(at: directory, prefix + "init.pid", limit: 32))
            if isShim {
                bundle.monitorArguments = processes.arguments(monitor)
                bundle.containerdNamespace = ProcessTable.value(of: "-namespace", in: bundle.monitorArguments) ?? ""
                let address = ProcessTable.value(of: "-address", in: bundle.monitorArguments) ?? ""
                bundle.containerdAddress = address.hasPrefix("unix://") ? String(address.dropFirst(7)) : address
            }
            return bundle
        }
        return nil
    }

    private static func read(
        directory: String, of classification: CgroupClassification, root: RootDirectory
    ) -> OCIBundle? {
        guard let bytes = try? root.bytes(directory + "/config.json", limit: sizeLimit),
            var bundle = try? parse(bytes),
            directory.contains(classification.rawID) && (!classification.isCandidate || classification.kind == .podman)
                || bundle.belongs(to: classification)
        else { return nil }
        bundle.directory = directory
        bundle.root = root
        for name in ["pidfile", "init.pid"] where bundle.initPID == nil {
            bundle.initPID = pid(try? root.bytes(directory + "/" + name, limit: 32))
        }
        return bundle
    }

    /// The specification in `directory`.
    static func read(directory: String, root: RootDirectory) -> OCIBundle? {
        guard let bytes = try? root.bytes(directory + "/config.json", limit: sizeLimit) else { return nil }
        return try? parse(bytes)
    }

    private func belongs(to classification: CgroupClassification) -> Bool {
        if classification.isCandidate { return cgroupsPath == classification.rootPath }
        return !classification.rawID.isEmpty && cgroupsPath.contains(classification.rawID)
    }

    private static func pid(_ bytes: [UInt8]?) -> Int32? {
        guard let bytes else { return nil }
        return Int32(String(decoding: bytes.filter { $0 > 32 }, as: UTF8.self))
    }
}
