/// One cgroup of one hierarchy, as the registry knows it.
struct CgroupEntry {
    let path: String
    let classification: CgroupClassification
    /// The container to which its processes and sockets belong, once one of them was seen.
    var container: Container?
    /// CLOCK_MONOTONIC of its removal; kept a while for events that come late.
    var removedAt: UInt64?
}
