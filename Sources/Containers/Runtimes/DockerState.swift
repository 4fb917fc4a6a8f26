import Exchange
import Linux

/// What Docker keeps on disk about a container: `containers/ID/config.v2.json` and `hostconfig.json` below its data
/// root. The socket's inspect document has the same members, so one reader serves both.
enum DockerState {
    /// Of the local driver, below the container's directory.
    private static let localLog = "local-logs/container.log"

    /// Reads the state of container `id`; nil when none of the data roots has it.
    static func read(id: String, dataRoots: [String], root: RootDirectory) -> ContainerMetadata? {
        for dataRoot in dataRoots {
            let directory = "\(dataRoot)/containers/\(id)/"
            guard let bytes = try? root.bytes(directory + "config.v2.json", limit: JSONDocument.defaultSizeLimit),
                let document = try? JSONDocument(parsing: bytes)
            else { continue }
            guard document.root.string("ID") == id else { continue }
            var metadata = metadata(from: document.root)
            if metadata.publishedPorts.isEmpty || metadata.logPath.isEmpty,
                let bytes = try? root.bytes(directory + "hostconfig.json", limit: JSONDocument.defaultSizeLimit),
                let document = try? JSONDocument(parsing: bytes)
            {
                if metadata.publishedPorts.isEmpty { metadata.publishedPorts = wantedPorts(document.root) }
                if metadata.logPath.isEmpty {
                    // Docker writes the path down some time after the container has begun.
                    switch document.root.string("LogConfig", "Type") {
                    case "local": metadata.logPath = directory + localLog
                    case "json-file": metadata.logPath = directory + id + "-json.log"
                    default: break
                    }
                }
            }
            return metadata
        }
        return nil
    }

    /// The data root that a bundle's own mounts betray: Docker mounts `DATA-ROOT/containers/ID/hostname` and others.
    static func dataRoot(mounts: [String: String]) -> String? {
        for destination in ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"] {
            guard let source = mounts[destination] else { continue }
            let parts = source.split(separator: "/")
            // The container may share another one's network and with it that one's files.
            guard parts.count > 3, parts[parts.count - 3] == "containers", parts[parts.count - 2].utf8.count == 64
            else { continue }
            return "/" + parts.dropLast(3).joined(separator: "/")
        }
        return nil
    }

    /// The data roots of running dockerds whose command line names one; at most 8. Walks the whole process table (20 µs
    /// a process): for the rare container whose mounts say nothing.
    static func dataRoots(processes: ProcessTable) -> [String] {
        var result = [String]()
        try? Directory.forEach(processes.path) { entry in
            if let pid = Int32(entry.name), processes.status(pid)?.name == "dockerd" {
                let arguments = processes.arguments(pid)
                if let path = ProcessTable.value(of: "--data-root", in: arguments)
                    ?? ProcessTable.value(of: "-g", in: arguments), path.hasPrefix("/")
                {
                    result.append(path)
                }
            }
            return result.count < 8
        }
        return result
    }

    /// Metadata from `config.v2.json` or from the socket's `/containers/ID/json`.
    static func metadata(from container: JSONValue) -> ContainerMetadata {
        var metadata = ContainerMetadata()
        let name = container.string("Name") ?? ""
        metadata.name = name.hasPrefix("/") ? String(name.dropFirst()) : name
        metadata.image = container.string("Config", "Image") ?? ""
        metadata.labels = container.strings("Config", "Labels")
        var kept = metadata
        container.member("Config", "Env")?.forEachElement { entry in
            if let entry = entry.string() { kept.keep(environment: entry) }
        }
        metadata.environment = kept.environment

        var mounts = [String: String]()
        func add(_ mount: JSONValue) {
            if let destination = mount.string("Destination"), let source = mount.string("Source"), !source.isEmpty {
                mounts[destination] = source
            }
        }
        container.member("MountPoints")?.forEachMember(limit: ContainerMetadata.itemLimit) { _, mount in add(mount) }
        container.member("Mounts")?.forEachElement(limit: ContainerMetadata.itemLimit) { mount in add(mount) }
        metadata.mounts = mounts

        // Of json-file; its path is the driver's only trace in config.v2.json.
        if let path = container.string("LogPath"), path.hasSuffix("-json.log") {
            metadata.logPath = path
        }
        // The local driver's file lies beside the files that Docker makes for the container.
        if metadata.logPath.isEmpty, container.string("HostConfig", "LogConfig", "Type") == "local",
            let path = container.string("ResolvConfPath"), let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")),
            path.hasPrefix("/")
        {
            metadata.logPath = String(path[...slash]) + localLog
        }
        if let bindings = container.member("NetworkSettings", "Ports") { metadata.publishedPorts = ports(bindings) }
        if metadata.publishedPorts.isEmpty, let host = container.member("HostConfig") {
            metadata.publishedPorts = wantedPorts(host)
        }
        if let pid = container.integer("State", "Pid"), pid > 0 { metadata.initPID = Int32(exactly: pid) }
        metadata.startedAt = container.string("State", "StartedAt").flatMap(Timestamp.seconds)
        return metadata
    }

    /// The ports that a host configuration asks for: what is there before Docker has written what it gave.
    private static func wantedPorts(_ host: JSONValue) -> [ContainerMetadata.PublishedPort] {
        // Docker ignores published ports in the host's network.
        guard host.string("NetworkMode") != "host", let bindings = host.member("PortBindings") else { return [] }
        return ports(bindings)
    }

    /// `{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}`, TCP only.
    private static func ports(_ bindings: JSONValue) -> [ContainerMetadata.PublishedPort] {
        var result = [ContainerMetadata.PublishedPort]()
        bindings.forEachMember(limit: ContainerMetadata.itemLimit) { key, hosts in
            guard key.hasSuffix("/tcp"), let containerPort = UInt16(key.dropLast(4)) else { return }
            hosts.forEachElement(limit: 16) { host in
                guard result.count < ContainerMetadata.itemLimit, let port = host.string("HostPort"),
                    let hostPort = UInt16(port), hostPort > 0
                else { return }
                result.append(
                    .init(hostIP: host.string("HostIp") ?? "", hostPort: hostPort, containerPort: containerPort))
            }
        }
        return result.sorted { ($0.containerPort, $0.hostPort, $0.hostIP) < ($1.containerPort, $1.hostPort, $1.hostIP) }
    }
}
