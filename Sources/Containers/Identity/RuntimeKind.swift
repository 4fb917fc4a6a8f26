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
    /// A container of LXC, LXD or Incus.
    case lxc
    /// A virtual machine or container that systemd-machined or libvirt placed.
    case machine
    /// A service of a user's own systemd; reported only on request.
    case userService
    /// A host process outside any service or container: never reported.
    case standalone
    /// A path that no rule knows, or a container's monitor: never reported.
    case unknown

    /// The name in messages.
    public var name: String {
        switch self {
        case .docker: "docker"
        case .containerd: "containerd"
        case .crio: "cri-o"
        case .podman: "podman"
        case .sandbox: "sandbox"
        case .systemd: "systemd"
        case .talos: "talos"
        case .lxc: "lxc"
        case .machine: "machine"
        case .userService: "systemd-user"
        case .standalone: "standalone"
        case .unknown: "unknown"
        }
    }

    /// True for the kinds whose name and image only the runtime knows.
    public var needsMetadata: Bool {
        switch self {
        case .docker, .containerd, .crio, .podman, .sandbox: true
        case .systemd, .talos, .lxc, .machine, .userService, .standalone, .unknown: false
        }
    }
}
