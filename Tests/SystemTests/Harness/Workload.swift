import Foundation

/// The static program of `Helpers/workload.c`: what runs inside the containers.
enum Workload {
    /// Its path, compiled once a test run.
    static func path() throws -> String { try compiled.get() }

    private static let compiled: Result<String, any Error> = Result {
        let folder = FileManager.default.temporaryDirectory.path + "/martlet-workload-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        atexit {
            let folder = FileManager.default.temporaryDirectory.path + "/martlet-workload-\(getpid())"
            unlink(folder + "/workload")
            rmdir(folder)
        }
        let path = folder + "/workload"
        try Command.check(["clang", "-static", "-O2", "-std=gnu11", "-o", path, Machine.helpers + "/workload.c"])
        return path
    }

    /// A peer outside every container: accepts on `port`, discards, answers the end of a stream with `reply` bytes.
    static func sink(port: Int, address: String = "127.0.0.1", reply: Int = 0, in scratch: Scratch) throws
        -> ChildProcess
    {
        let child = try ChildProcess([path(), "sink", address, "\(port)", "\(reply)"], in: scratch)
        try child.expect("ready")
        return child
    }
}
