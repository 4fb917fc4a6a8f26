public import Linux

/// Why the kernel side cannot run at all.
public struct KernelError: Error, CustomStringConvertible, Sendable {
    /// What was tried.
    public let operation: String
    public let errno: Errno
    /// The last informative line of libbpf or the verifier, if there is one.
    public let detail: String

    public var description: String {
        detail.isEmpty ? "\(operation): \(errno)" : "\(operation): \(errno) (\(detail))"
    }
}
