/// What the collector needs to know of a container to look at its disks and delays.
struct ResourceRequest: Sendable {
    let container: Container
    /// Its live processes.
    let pids: [UInt32]
    /// Mounts on which it was seen writing, each with the process that wrote.
    let mounts: [UInt32: UInt32]

    /// What came of it.
    struct Disks: Sendable {
        let container: Container
        let disks: [DiskReading]
        /// Mounts that are there no more.
        let goneMounts: [UInt32]
    }
}
