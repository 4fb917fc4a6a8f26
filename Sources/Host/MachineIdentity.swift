import Linux

/// What tells this machine from others: the common labels of every series.
public struct MachineIdentity: Sendable, Equatable {
    /// The label `machine_id`: the first of `/etc/machine-id`, `/var/lib/dbus/machine-id` and the DMI product UUID that
    /// can be read and says something, without dashes; empty if there is none.
    public let machineID: String
    /// The label `system_uuid`: the DMI product UUID, dashes kept; empty if unreadable.
    public let systemUUID: String

    public init(machineID: String, systemUUID: String) {
        self.machineID = machineID
        self.systemUUID = systemUUID
    }

    /// Reads the files below `root`, the node's root directory. Never fails; what cannot be read is empty.
    public static func read(root: String = HostRoot.path()) -> MachineIdentity {
        let productUUID = "/sys/devices/virtual/dmi/id/product_uuid"
        var machineID = ""
        for path in ["/etc/machine-id", "/var/lib/dbus/machine-id", productUUID] {
            machineID = line(root + path).filter { $0 != "-" }
            if !machineID.isEmpty { break }
        }
        return MachineIdentity(machineID: machineID, systemUUID: line(root + productUUID))
    }

    /// The label `instance` of remote write: the machine id, or the MD5 of machine id and system UUID (without dashes)
    /// in hexadecimal where the two differ, as coroot-node-agent names it. Clones that share one machine id are told
    /// apart that way.
    public var instanceName: String {
        let uuid = systemUUID.filter { $0 != "-" }
        if uuid.isEmpty || uuid == machineID { return machineID }
        return MD5.hexadecimal(Array((machineID + uuid).utf8))
    }

    private static func line(_ path: String) -> String {
        guard let text = try? SmallFile.text(path, limit: 4096) else { return "" }
        return String(text.drop { $0.isWhitespace })
    }
}
