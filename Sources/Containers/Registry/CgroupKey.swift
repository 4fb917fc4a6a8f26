/// A cgroup's number: ids are unique within a hierarchy only.
struct CgroupKey: Hashable {
    /// 0 is cgroup2.
    let hierarchy: UInt32
    /// kernfs node id, which is the inode number of the cgroup's directory.
    let id: UInt64
}
