public import Linux

/// Where the cgroup hierarchies of this node are mounted.
public struct CgroupLayout: Sendable, Equatable {
    public enum Mode: String, Sendable {
        /// Version 1 hierarchies only.
        case v1
        /// The version 2 tree only.
        case v2
        /// Version 1 controllers, and a version 2 tree beside them.
        case hybrid
    }

    /// Why no layout could be found.
    public enum Failure: Error, Equatable, CustomStringConvertible {
        case unreadable(path: String, Errno)
        case noHierarchy(root: String)

        public var description: String {
            switch self {
            case .unreadable(let path, let error): "cannot read \(path): \(error); is /proc mounted?"
            case .noHierarchy(let root):
                "no cgroup file system is mounted at or below \(root); "
                    + "mount the node's /sys/fs/cgroup there or name its place with --cgroupfs-root"
            }
        }
    }

    /// The version 1 controllers that the agent uses, by the names of `/proc/PID/cgroup`.
    public enum Controller: String, Sendable, CaseIterable {
        case cpu
        case cpuacct
        case memory
        case blkio
        case systemd = "name=systemd"
    }

    public let mode: Mode
    /// The mount point of the version 2 tree: the root itself, `unified` below it, or nil if there is none.
    public let v2Mount: String?
    private let v1Mounts: [Controller: String]
    private let hierarchyIDs: [Controller: Int]

    /// The mount point of a version 1 controller, shared with others that are mounted together; nil if not mounted.
    public func v1Mount(of controller: Controller) -> String? { v1Mounts[controller] }

    /// The number of the hierarchy of a version 1 controller, which the kernel's tracepoints report; nil if the controller
    /// is in no version 1 hierarchy. The version 2 tree has number 0.
    public func hierarchyID(of controller: Controller) -> Int? { hierarchyIDs[controller] }

    /// Finds the hierarchies mounted at or below `root`.
    ///
    /// - `mountinfo` is the mount table (proc(5), `/proc/PID/mountinfo`).
    /// - `cgroups` lists the hierarchies with their numbers (`/proc/PID/cgroup`); unreadable means no numbers.
    public static func detect(
        root: String = "/sys/fs/cgroup", mountinfo: String = "/proc/self/mountinfo",
        cgroups: String = "/proc/self/cgroup"
    ) throws(Failure) -> CgroupLayout {
        let table: [UInt8]
        do throws(Errno) {
            // Nodes with thousands of containers have some megabytes of mounts.
            table = try SmallFile.bytes(mountinfo, limit: 1 << 26)
        } catch {
            throw .unreadable(path: mountinfo, error)
        }
        var root = root
        while root.count > 1, root.hasSuffix("/") { root.removeLast() }
        var v2Mount: String?
        var v1Mounts: [Controller: String] = [:]
        for line in table.split(separator: UInt8(ascii: "\n")) {
            guard let mount = Mount(line), mount.isWithin(root) else { continue }
            // A later mount at the same place hides the earlier one.
            if mount.isVersion2 {
                if v2Mount == nil || mount.point == root || mount.point == v2Mount { v2Mount = mount.point }
            } else {
                for option in mount.options.split(separator: ",") {
                    if let controller = Controller(rawValue: String(option)) { v1Mounts[controller] = mount.point }
                }
            }
        }
        guard v2Mount != nil || !v1Mounts.isEmpty else { throw .noHierarchy(root: root) }
        let mode: Mode = v1Mounts.isEmpty ? .v2 : v2Mount == nil ? .v1 : .hybrid
        return CgroupLayout(
            mode: mode, v2Mount: v2Mount, v1Mounts: v1Mounts,
            hierarchyIDs: (try? SmallFile.bytes(cgroups)).map(hierarchyIDs) ?? [:])
    }

    /// Reads lines `number:controller,controller:path`.
    static func hierarchyIDs(_ bytes: [UInt8]) -> [Controller: Int] {
        var numbers: [Controller: Int] = [:]
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, let number = Int(String(decoding: fields[0], as: UTF8.self)) else { continue }
            for name in fields[1].split(separator: UInt8(ascii: ",")) {
                if let controller = Controller(rawValue: String(decoding: name, as: UTF8.self)) {
                    numbers[controller] = number
                }
            }
        }
        return numbers
    }

    /// A cgroup file system in a mount table.
    private struct Mount {
        let point: String
        let isVersion2: Bool
        /// Of the super block: for version 1, the controllers are among them.
        let options: String

        /// Fields: id, parent, device, root, mount point, options, optional fields up to `-`, type, source, super block's
        /// options. nil for other file systems.
        init?(_ line: ArraySlice<UInt8>) {
            let fields = line.split(separator: UInt8(ascii: " "))
            guard let dash = fields.firstIndex(of: [UInt8(ascii: "-")]), dash >= 6, fields.count > dash + 3
            else { return nil }
            switch String(decoding: fields[dash + 1], as: UTF8.self) {
            case "cgroup": isVersion2 = false
            case "cgroup2": isVersion2 = true
            default: return nil
            }
            point = MountTable.unescaped(fields[4])
            options = String(decoding: fields[dash + 3], as: UTF8.self)
        }

        func isWithin(_ root: String) -> Bool {
            point == root || point.hasPrefix(root == "/" ? "/" : root + "/")
        }
    }
}
