public import Linux

/// The files of one spool: what `SpoolLog` asks of a file system, so that a test can give it one that crashes.
///
/// Names have no slashes. Writes become durable by `synchronize`, names by `synchronizeNames`.
public protocol SpoolStorage: AnyObject {
    func names() throws(Errno) -> [String]
    func size(of name: String) throws(Errno) -> Int
    /// Reads at most the buffer's size at `offset`; fewer bytes only at the end.
    func read(_ name: String, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int
    /// Writes all bytes at `offset`; makes the file if there is none.
    func write(_ name: String, at offset: Int, _ bytes: UnsafeRawBufferPointer) throws(Errno)
    func truncate(_ name: String, to size: Int) throws(Errno)
    func remove(_ name: String) throws(Errno)
    func rename(_ name: String, to other: String) throws(Errno)
    func synchronize(_ name: String) throws(Errno)
    func synchronizeNames() throws(Errno)
}
