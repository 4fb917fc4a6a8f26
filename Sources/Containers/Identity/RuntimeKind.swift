/// What started the processes of a cgroup, as far as its path tells.
public enum RuntimeKind: UInt8, Sendable, Hashable, CaseIterable {
    case docker
    case containerd
    case crio
    case podman
    /// A pod whose runtime hides its containers' ids from the path (gVisor).
    case sandbox
    case systemd
    case talos
    case lxc
    /// A host process outside any service or container: never reported.
    case standalone
    /// A path that no rule knows, or a container's monitor: never reported.
    case unknown

    /// True for the kinds whose name and image only the runtime knows.
    public var needsMetadata: Bool {
        switch self {
        case .docker, .containerd, .crio, .podman, .sandbox: true
        case .systemd, .talos, .lxc, .standalone, .unknown: false
        }
    }
}
