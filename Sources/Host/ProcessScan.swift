import Glibc
public import Linux

/// Walks through all processes a few at a time, so that a node with thousands of them is not inspected at once.
///
/// Processes that start behind the walk are missed and those that end stay listed: the events of the kernel tell of both.
public struct ProcessScan: ~Copyable {
    private let directory: OpaquePointer
    private var isDone = false

    /// Opens `procfs`, where /proc is mounted.
    public init(procfs: String = "/proc") throws(Errno) {
        guard let directory = opendir(procfs) else { throw Errno.last }
        self.directory = directory
    }

    deinit { closedir(directory) }

    /// The next pids, at most `limit`, ascending; empty once all were given.
    public mutating func next(atMost limit: Int) -> [Int32] {
        var pids = [Int32]()
        while !isDone, pids.count < limit {
            guard let entry = readdir(directory) else {
                isDone = true
                break
            }
            let pid = withUnsafeBytes(of: &entry.pointee.d_name) { name -> Int32? in
                // pid_max is at most 2^22, so seven digits; other names of procfs do not begin with a digit.
                let digits = name.prefix(12).prefix { $0 != 0 }
                return Int32(String(decoding: digits, as: UTF8.self))
            }
            if let pid, pid > 0 { pids.append(pid) }
        }
        return pids
    }
}
