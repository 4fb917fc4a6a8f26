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
    public init?(
        _ classification: CgroupClassification, metadata: ContainerMetadata?, now: Int64,
        options: IdentityOptions = IdentityOptions()
    ) {
        switch classification.kind {
        case .standalone, .unknown:
            return nil
        case .systemd:
            if classification.rawID.isEmpty || classification.rawID.hasPrefix("/system.slice/crio-conmon-") {
                return nil
            }
            self.init(containerID: classification.rawID)
        case .talos, .lxc, .machine:
            if classification.rawID.isEmpty { return nil }
            self.init(containerID: classification.rawID)
        case .userService:
            guard options.userServices else { return nil }
            self.init(containerID: classification.rawID)
        case .podman:
            guard let metadata, !metadata.name.isEmpty, !metadata.isSandbox else { return nil }
            self.init(containerID: "/podman/" + metadata.name, metadata, options)
        case .docker, .containerd, .crio, .sandbox:
            // gVisor's id is in no path: whoever found the metadata has it from a process.
            guard !classification.rawID.isEmpty || classification.kind == .sandbox, let metadata,
                let id = Self.containerID(classification, metadata, now: now)
            else { return nil }
            self.init(containerID: id, metadata, options)
        }
    }

    private init(containerID: String, _ metadata: ContainerMetadata, _ options: IdentityOptions) {
        self.containerID = containerID
        appID =
            options.composeAppID ? Self.composeApp(of: containerID, metadata) : ServiceName.appID(of: containerID)
    }

    /// `/compose/PROJECT/SERVICE` from the labels that docker compose, podman-compose and nerdctl compose set. Orchestrated
    /// containers have applications already.
    private static func composeApp(of containerID: String, _ metadata: ContainerMetadata) -> String {
        guard ["/docker/", "/podman/", "/containerd/"].contains(where: containerID.hasPrefix),
            let project = metadata.labels["com.docker.compose.project"], !project.isEmpty,
            let service = metadata.labels["com.docker.compose.service"], !service.isEmpty
        else { return ServiceName.appID(of: containerID) }
        return "/compose/\(project)/\(service)"
    }

    private static func containerID(
        _ classification: CgroupClassification, _ metadata: ContainerMetadata, now: Int64
    ) -> String? {
        let isSandbox = classification.kind == .sandbox
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
        if metadata.name.isEmpty || metadata.isSandbox { return nil }
        if metadata.containerdNamespace.isEmpty { return "/docker/" + metadata.name }
        // A pod's container whose labels are not known is not a container of its own.
        return classification.isKubernetes ? nil : "/containerd/\(metadata.containerdNamespace)/\(metadata.name)"
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
