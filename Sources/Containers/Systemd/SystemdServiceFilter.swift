/// `--skip-systemd-system-services`: which systemd units are the system's own and not reported.
public struct SystemdServiceFilter: Sendable {
    /// Whether anything is skipped at all.
    public let isEnabled: Bool

    public init(isEnabled: Bool = true) { self.isEnabled = isEnabled }

    private static let systemPrefixes = [
        "systemd-", "dbus", "getty", "system-serial", "system-getty", "serial-getty", "snapd", "packagekit",
        "unattended-upgrades", "multipathd", "qemu-guest-agent", "irqbalance", "networkd-dispatcher", "rpcbind",
    ]

    /// True when `unit` (`nginx.service`) is to be left out. `properties` are nil where systemd was not asked; then
    /// only the name decides.
    public func skips(unit: String, properties: SystemdProperties? = nil) -> Bool {
        guard isEnabled else { return false }
        if let properties {
            if properties.type == "oneshot" || properties.type == "dbus" { return true }
            if properties.triggeredBy.hasSuffix(".timer") { return true }
        }
        return Self.systemPrefixes.contains { unit.hasPrefix($0) }
    }
}
