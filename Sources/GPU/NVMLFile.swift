internal import Glibc
internal import Linux

/// Where the driver's `libnvidia-ml.so.1` is: coroot-node-agent's list, below the host's root.
struct NVMLFile: ~Copyable {
    /// As found, for messages.
    let name: String
    private let descriptor: FileDescriptor

    /// What the dynamic loader opens: links were followed below the host's root, where the loader would not do so.
    var path: String { "/proc/self/fd/\(descriptor.raw)" }

    #if arch(arm64)
        private static let architecture = "aarch64-linux-gnu"
        private static let googleFolders = ["/home/kubernetes/bin/nvidia/lib64-aarch64"]
    #else
        private static let architecture = "x86_64-linux-gnu"
        private static let googleFolders: [String] = []
    #endif

    static var folders: [String] {
        [
            "/run/nvidia/driver/usr/lib/\(architecture)", "/run/nvidia/driver/usr/lib64",
        ] + googleFolders + [
            "/home/kubernetes/bin/nvidia/lib64", "/usr/lib/\(architecture)", "/usr/lib64", "/usr/local/cuda/lib64",
            "/usr/lib",
        ]
    }

    /// The first library of the list; nil without one. A file that others than root may write is left alone: it will run
    /// with the agent's privileges.
    static func find(below root: RootDirectory) -> NVMLFile? {
        for folder in folders {
            let name = folder + "/libnvidia-ml.so.1"
            guard let file = try? root.open(name) else { continue }
            var status = stat()
            guard fstat(file.raw, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == 0,
                status.st_mode & (S_IWGRP | S_IWOTH) == 0
            else { continue }
            return NVMLFile(name: name, descriptor: file)
        }
        return nil
    }
}
