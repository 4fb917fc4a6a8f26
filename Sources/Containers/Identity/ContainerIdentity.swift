/// The two names under which a container is reported.
public struct ContainerIdentity: Sendable, Hashable {
    /// The label `container_id`: `/k8s/NAMESPACE/POD/CONTAINER`, `/docker/NAME`, `/system.slice/UNIT`…
    public let containerID: String
    /// The label `app_id`: the service that the container belongs to, empty where that is the container itself.
    public let appID: String

    /// An identity whose `app_id` follows from its id.
    public init(containerID: String) {
        self.containerID = containerID
        self.appID = ServiceName.appID(of: containerID)
    }

    /// The identity of a cgroup; nil when it is not reported: pause containers, host processes, unknown paths, and
    /// containers whose runtime gave no name. `now` is in seconds since the Unix epoch (it tells CronJobs from
    /// Deployments).
    public init?(_ classification: CgroupClassification, metadata: ContainerMetadata?, now: Int64) {
        switch classification.kind {
        case .standalone, .unknown, .lxc:
            return nil
        case .systemd:
            if classification.rawID.isEmpty || classification.rawID.hasPrefix("/system.slice/crio-conmon-") {
                return nil
            }
            self.init(containerID: classification.rawID)
        case .talos:
            if classification.rawID.isEmpty { return nil }
            self.init(containerID: classification.rawID)
        case .podman:
            guard !classification.rawID.isEmpty, let name = metadata?.name, !name.isEmpty else { return nil }
            self.init(containerID: "/podman/" + name)
        case .docker, .containerd, .crio, .sandbox:
            guard !classification.rawID.isEmpty, let metadata,
                let id = Self.containerID(metadata, isSandbox: classification.kind == .sandbox, now: now)
            else { return nil }
            self.init(containerID: id)
        }
    }

    private static func containerID(_ metadata: ContainerMetadata, isSandbox: Bool, now: Int64) -> String? {
        if let pod = metadata.labels["io.kubernetes.pod.name"], !pod.isEmpty {
            let namespace = metadata.labels["io.kubernetes.pod.namespace"] ?? ""
            let name = isSandbox ? "sandbox" : metadata.labels["io.kubernetes.container.name"] ?? ""
            if name.isEmpty || name == "POD" { return nil }
            if let job = KubernetesName.cronJob(ofPod: pod, now: now) {
                return "/k8s-cronjob/\(namespace)/\(job)/\(name)"
            }
            return "/k8s/\(namespace)/\(pod)/\(name)"
        }
        if let id = swarm(metadata.labels) ?? nomad(metadata.environment) { return id }
        return metadata.name.isEmpty ? nil : "/docker/" + metadata.name
    }

    private static func swarm(_ labels: [String: String]) -> String? {
        guard let task = labels["com.docker.swarm.task.name"] else { return nil }
        let parts = task.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        let stack = labels["com.docker.stack.namespace"] ?? ""
        var service = (labels["com.docker.swarm.service.name"] ?? "")[...]
        if !stack.isEmpty, service.hasPrefix(stack + "_") { service = service.dropFirst(stack.count + 1) }
        return "/swarm/\(stack.isEmpty ? "_" : stack)/\(service)/\(parts[1])"
    }

    private static func nomad(_ environment: [String: String]) -> String? {
        guard let namespace = environment["NOMAD_NAMESPACE"], let job = environment["NOMAD_JOB_NAME"],
            let group = environment["NOMAD_GROUP_NAME"], let allocation = environment["NOMAD_ALLOC_ID"],
            let task = environment["NOMAD_TASK_NAME"]
        else { return nil }
        let parts = [namespace, job, group, allocation, task]
        return parts.contains("") ? nil : "/nomad/" + parts.joined(separator: "/")
    }
}
