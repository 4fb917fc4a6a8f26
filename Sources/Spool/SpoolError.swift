public import Linux

/// Why a spool cannot be used.
public enum SpoolError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The directory cannot be made, read or written.
    case unusable(path: String, Errno)
    /// Another process owns the directory.
    case locked(path: String)
    /// A payload beyond `SpoolLog.maximumPayload`.
    case tooLarge(bytes: Int)
    /// Reading or writing a file failed.
    case failed(operation: String, Errno)

    public var description: String {
        switch self {
        case .unusable(let path, let error):
            "cannot use the spool directory \(path): \(error); name another one with --wal-dir"
        case .locked(let path):
            "the spool directory \(path) is in use by another process; name another one with --wal-dir"
        case .tooLarge(let bytes): "a request of \(bytes) bytes does not fit in a spool record"
        case .failed(let operation, let error): "\(operation): \(error)"
        }
    }
}
