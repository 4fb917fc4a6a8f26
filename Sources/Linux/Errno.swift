import Glibc

/// A system call's error number (errno(3)), thrown as it is: no boxing, no allocation.
public struct Errno: Error, Hashable, Sendable, CustomStringConvertible {
    public let code: Int32

    public init(_ code: Int32) { self.code = code }

    /// The calling thread's `errno`, to be read directly after the call that failed.
    public static var last: Errno { Errno(errno) }

    /// libbpf and io_uring return negated error numbers.
    public init(negated result: Int32) { self.code = -result }

    public static let notFound = Errno(ENOENT)
    public static let noProcess = Errno(ESRCH)
    public static let noDevice = Errno(ENODEV)
    public static let interrupted = Errno(EINTR)
    public static let again = Errno(EAGAIN)
    public static let notPermitted = Errno(EPERM)
    public static let accessDenied = Errno(EACCES)
    public static let timedOut = Errno(ETIMEDOUT)
    public static let tooLarge = Errno(EFBIG)
    public static let unsupported = Errno(EOPNOTSUPP)

    public var description: String {
        guard let text = strerror(code) else { return "errno \(code)" }
        return String(cString: text)
    }
}
