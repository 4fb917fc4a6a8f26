import Glibc
import Linux

/// The node's name and kernel, as `node_info` shows them.
public struct HostInfo: Sendable, Equatable {
    public let hostname: String
    /// The kernel release, such as `6.1.0-18-amd64`.
    public let kernelRelease: String

    public init(hostname: String, kernelRelease: String) {
        self.hostname = hostname
        self.kernelRelease = kernelRelease
    }

    /// uname(2) in pid 1's UTS namespace; in the agent's own where the kernel refuses to enter that one.
    public static func read() -> HostInfo {
        let found: HostInfo? = try? Namespace.uts.run(of: 1) { () throws(Errno) in own() }
        return found ?? own()
    }

    private static func own() -> HostInfo {
        var names = utsname()
        guard uname(&names) == 0 else { return HostInfo(hostname: "", kernelRelease: "") }
        return HostInfo(
            hostname: withUnsafeBytes(of: &names.nodename, text),
            kernelRelease: withUnsafeBytes(of: &names.release, text))
    }

    private static func text(_ field: UnsafeRawBufferPointer) -> String {
        String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
    }
}
