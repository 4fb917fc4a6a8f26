import Exchange
import Linux

/// What Kubernetes runtimes write into the annotations of an OCI specification.
enum OCIAnnotations {
    /// Annotations of containerd's CRI plugin by the label that means the same.
    private static let containerd = [
        "io.kubernetes.cri.container-name": "io.kubernetes.container.name",
        "io.kubernetes.cri.sandbox-name": "io.kubernetes.pod.name",
        "io.kubernetes.cri.sandbox-namespace": "io.kubernetes.pod.namespace",
        "io.kubernetes.cri.sandbox-uid": "io.kubernetes.pod.uid",
    ]

    /// CRI-O annotates with the labels' own names.
    private static let labels = [
        "io.kubernetes.container.name", "io.kubernetes.pod.name", "io.kubernetes.pod.namespace",
        "io.kubernetes.pod.uid",
    ]

    /// The metadata that a bundle alone gives.
    static func metadata(of bundle: OCIBundle) -> ContainerMetadata {
        var metadata = ContainerMetadata()
        let annotations = bundle.annotations
        for (annotation, label) in containerd {
            if let value = annotations[annotation], !value.isEmpty { metadata.labels[label] = value }
        }
        for label in labels {
            if let value = annotations[label], !value.isEmpty { metadata.labels[label] = value }
        }
        metadata.image =
            annotations["io.kubernetes.cri.image-name"] ?? annotations["io.kubernetes.cri-o.ImageName"] ?? ""
        metadata.logPath = annotations["io.kubernetes.cri-o.LogPath"] ?? ""
        metadata.mounts = bundle.mounts
        if let volumes = annotations["io.kubernetes.cri-o.Volumes"] {
            metadata.mounts.merge(CRIOSocket.volumes(volumes)) { _, volume in volume }
        }
        metadata.environment = bundle.environment
        metadata.isSandbox = isSandbox(bundle)
        if annotations["io.container.manager"] == "libpod", let pod = annotations["io.kubernetes.cri-o.SandboxID"] {
            metadata.labels["io.podman.pod.id"] = pod
        }
        metadata.initPID = bundle.initPID
        if metadata.labels["io.kubernetes.pod.uid"] == nil, let uid = podUID(mounts: bundle.mounts) {
            metadata.labels["io.kubernetes.pod.uid"] = uid
        }
        return metadata
    }

    /// All labels of a container of CRI-O, which keeps them as JSON in one annotation.
    static func crioLabels(_ bundle: OCIBundle) -> [String: String] {
        guard let text = bundle.annotations["io.kubernetes.cri-o.Labels"],
            let document = try? JSONDocument(parsing: Array(text.utf8), sizeLimit: 1 << 20)
        else { return [:] }
        return document.root.strings()
    }

    /// The bundle of the pod's sandbox, whose labels are the pod's: CRI-O keeps them side by side.
    static func crioSandbox(of bundle: OCIBundle) -> OCIBundle? {
        var parts = bundle.directory.split(separator: "/").map(String.init)
        guard let root = bundle.root, let sandbox = bundle.annotations["io.kubernetes.cri-o.SandboxID"],
            sandbox.utf8.allSatisfy(KubernetesName.isHexadecimal), parts.count > 2, parts[parts.count - 2] != sandbox
        else { return nil }
        parts[parts.count - 2] = sandbox
        return OCIBundle.read(directory: "/" + parts.joined(separator: "/"), root: root)
    }

    /// True for a pod's sandbox (pause) container.
    static func isSandbox(_ bundle: OCIBundle) -> Bool {
        bundle.annotations["io.kubernetes.cri.container-type"] == "sandbox"
            || bundle.annotations["io.kubernetes.cri-o.ContainerType"] == "sandbox"
    }

    /// True when the annotations name a pod's container or say that this is a sandbox: no daemon need be asked who it
    /// is.
    static func identify(_ bundle: OCIBundle) -> Bool {
        if isSandbox(bundle) { return true }
        let labels = metadata(of: bundle).labels
        return labels["io.kubernetes.container.name"] != nil && labels["io.kubernetes.pod.name"] != nil
            && labels["io.kubernetes.pod.namespace"] != nil
    }

    /// The kubelet's log file of a container, `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/RESTARTS.log`; empty where its
    /// parts are unknown or the directory is absent.
    static func logPath(_ labels: [String: String], root: RootDirectory) -> String {
        guard let namespace = labels["io.kubernetes.pod.namespace"], let pod = labels["io.kubernetes.pod.name"],
            let uid = labels["io.kubernetes.pod.uid"], let container = labels["io.kubernetes.container.name"],
            ![namespace, pod, uid, container].contains(where: { $0.contains("/") || $0 == ".." })
        else { return "" }
        let directory = "/var/log/pods/\(namespace)_\(pod)_\(uid)/\(container)"
        guard let names = try? root.names(directory, limit: 1000) else { return "" }
        let newest = names.compactMap { $0.hasSuffix(".log") ? Int($0.dropLast(4)) : nil }.max()
        return newest.map { "\(directory)/\($0).log" } ?? ""
    }

    /// The pod's uid from the kubelet's own mounts, `/var/lib/kubelet/pods/UID/etc-hosts`.
    private static func podUID(mounts: [String: String]) -> String? {
        for source in mounts.values {
            let parts = source.split(separator: "/")
            if let kubelet = parts.firstIndex(of: "kubelet"), kubelet + 2 < parts.count, parts[kubelet + 1] == "pods" {
                return String(parts[kubelet + 2])
            }
        }
        return nil
    }
}
