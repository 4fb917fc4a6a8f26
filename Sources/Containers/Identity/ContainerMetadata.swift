/// What a runtime knows about a container beyond its cgroup. Absent facts are empty.
public struct ContainerMetadata: Sendable, Hashable {
    /// A TCP port of the container that is reachable on the host.
    public struct PublishedPort: Sendable, Hashable {
        /// The host address as the runtime spells it; empty or `0.0.0.0` means every address.
        public let hostIP: String
        public let hostPort: UInt16
        public let containerPort: UInt16

        public init(hostIP: String, hostPort: UInt16, containerPort: UInt16) {
            self.hostIP = hostIP
            self.hostPort = hostPort
            self.containerPort = containerPort
        }
    }

    /// The runtime's name of the container, without Docker's leading slash.
    public var name = ""
    /// The namespace of a container that belongs to nobody but containerd; empty for all others.
    public var containerdNamespace = ""
    /// The cgroup that containerd asked for, in the runtime's own spelling; empty where nobody told.
    var cgroupsPath = ""
    /// Whether it only holds a pod's namespaces open.
    public var isSandbox = false
    /// The image as it was asked for (`nginx:1.27`).
    public var image = ""
    public var labels: [String: String] = [:]
    /// Only `NOMAD_*` and `COROOT_*`: anything else in an environment may be a secret and is not kept.
    public var environment: [String: String] = [:]
    /// Host sources by their destination in the container.
    public var mounts: [String: String] = [:]
    /// The container's log file on the host; empty where the runtime writes none that can be followed.
    public var logPath = ""
    public var publishedPorts: [PublishedPort] = []
    /// The container's first process in the host's pid namespace.
    public var initPID: Int32?
    /// Seconds since the Unix epoch.
    public var startedAt: Int64?

    public init() {}

    /// The most labels, mounts, variables or ports that are kept, each; a container that has more is hostile or broken.
    static let itemLimit = 1024

    /// Keeps `entry` (`NAME=value`) where its name is one of those that the agent reads.
    mutating func keep(environment entry: String) {
        guard entry.hasPrefix("NOMAD_") || entry.hasPrefix("COROOT_"), environment.count < Self.itemLimit,
            let separator = entry.utf8.firstIndex(of: UInt8(ascii: "="))
        else { return }
        environment[String(entry[..<separator])] = String(entry[entry.utf8.index(after: separator)...])
    }

    /// Takes from `other` what is missing here.
    mutating func fill(from other: ContainerMetadata) {
        if name.isEmpty { name = other.name }
        if containerdNamespace.isEmpty { containerdNamespace = other.containerdNamespace }
        isSandbox = isSandbox || other.isSandbox
        if image.isEmpty { image = other.image }
        labels.merge(other.labels) { mine, _ in mine }
        environment.merge(other.environment) { mine, _ in mine }
        mounts.merge(other.mounts) { mine, theirs in mine.isEmpty ? theirs : mine }
        if logPath.isEmpty { logPath = other.logPath }
        if publishedPorts.isEmpty { publishedPorts = other.publishedPorts }
        initPID = initPID ?? other.initPID
        startedAt = startedAt ?? other.startedAt
    }

    /// The labels that `wanted` names, as labels of a metric; absent and empty ones are left out.
    func metricLabels(_ wanted: [ContainerLabel]) -> [(name: String, value: String)] {
        wanted.compactMap { label in
            guard let value = labels[label.name], !value.isEmpty else { return nil }
            return (label.metricName, value)
        }
    }

    /// The volume that a mount source stands for, as disk metrics name it: `pvc-UUID` where the source holds one; else the
    /// name that Kubernetes, Docker or Podman gave it in the path; else empty.
    public static func volumeName(ofSource source: String) -> String {
        let claim = claimName(source)
        return claim.isEmpty ? staticName(source) : claim
    }

    /// Volumes that somebody named: `…/volumes/kubernetes.io~PLUGIN/NAME`, `…/volume-subpaths/NAME/CONTAINER/INDEX` (kubelet's
    /// directories of a pod), `…/volumes/NAME/_data` (Docker's and Podman's).
    private static func staticName(_ source: String) -> String {
        let parts = source.split(separator: "/")
        for (index, part) in parts.enumerated() where index + 1 < parts.count {
            let name = parts[index + 1]
            if part == "volumes", index + 2 < parts.count {
                if parts[index + 2] == "_data" { return String(name) }
                // Plugins name themselves VENDOR~NAME. What a pod brings along is no volume of its own.
                guard name.contains("~") else { continue }
                let plugin = name.drop { $0 != "~" }.dropFirst()
                return ephemeralPlugins.contains(String(plugin)) ? "" : String(parts[index + 2])
            }
            if part == "volume-subpaths", index + 2 < parts.count { return String(name) }
        }
        return ""
    }

    private static let ephemeralPlugins: Set<String> = [
        "empty-dir", "configmap", "secret", "projected", "downward-api", "git-repo",
    ]

    /// `pvc-UUID` of a mount source that holds one, else empty.
    private static func claimName(_ source: String) -> String {
        let bytes = Array(source.utf8)
        let prefix = Array("pvc-".utf8)
        let groups = [8, 4, 4, 4, 12]
        let length = prefix.count + groups.reduce(0, +) + groups.count - 1
        guard bytes.count >= length else { return "" }
        search: for start in 0...(bytes.count - length) where bytes[start...].starts(with: prefix) {
            var index = start + prefix.count
            for (number, group) in groups.enumerated() {
                if number > 0 {
                    guard bytes[index] == UInt8(ascii: "-") else { continue search }
                    index += 1
                }
                for _ in 0..<group {
                    guard isHexadecimal(bytes[index]) else { continue search }
                    index += 1
                }
            }
            return String(decoding: bytes[start..<index], as: UTF8.self)
        }
        return ""
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
