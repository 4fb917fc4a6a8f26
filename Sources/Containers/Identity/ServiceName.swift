/// The service that a container belongs to: its id without what changes when a pod is replaced.
public enum ServiceName {
    /// `/k8s/NAMESPACE/WORKLOAD` for pods of Deployments, DaemonSets and StatefulSets, else the id itself.
    public static func derive(from containerID: String) -> String {
        let prefix = "/k8s/"
        guard containerID.hasPrefix(prefix) else { return containerID }
        let parts = containerID.dropFirst(prefix.count)
            .split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, !parts[2].isEmpty,
            parts[0].utf8.allSatisfy(KubernetesName.isName), parts[1].utf8.allSatisfy(KubernetesName.isName),
            let (head, tail) = KubernetesName.splitLast(parts[1])
        else { return containerID }

        let workload: Substring
        if KubernetesName.isPodSuffix(tail) {
            if let (name, hash) = KubernetesName.splitLast(head), (1...10).contains(hash.utf8.count),
                hash.utf8.allSatisfy(KubernetesName.isHexadecimal)
            {
                workload = name
            } else {
                workload = head
            }
        } else if !tail.isEmpty, tail.utf8.allSatisfy(KubernetesName.isDigit) {
            workload = head
        } else {
            return containerID
        }
        return prefix + parts[0] + "/" + workload
    }

    /// The value of the label `app_id`: the service name, empty where it equals the container's id.
    public static func appID(of containerID: String) -> String {
        let name = derive(from: containerID)
        return name == containerID ? "" : name
    }
}
