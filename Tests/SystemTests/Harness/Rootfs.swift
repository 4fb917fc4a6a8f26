import Foundation

/// Root file systems for containers: busybox and the workload.
enum Rootfs {
    /// Makes a root file system in a folder of the scratch.
    static func make(in scratch: Scratch) throws -> String {
        let root = try scratch.folder("rootfs-\(UInt32.random(in: .min ... .max))")
        for name in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
            try FileManager.default.createDirectory(atPath: root + "/" + name, withIntermediateDirectories: true)
        }
        let files = FileManager.default
        try files.copyItem(atPath: "/bin/busybox", toPath: root + "/bin/busybox")
        for name in ["sh", "sleep", "cat"] {
            try files.createSymbolicLink(atPath: root + "/bin/" + name, withDestinationPath: "busybox")
        }
        try files.copyItem(atPath: Workload.path(), toPath: root + "/workload")
        return root
    }

    /// The same as a tar archive, to import as an image.
    static func archive(in scratch: Scratch) throws -> String {
        let root = try make(in: scratch)
        let path = root + ".tar"
        try Command.check(["tar", "-C", root, "-cf", path, "."])
        return path
    }
}
