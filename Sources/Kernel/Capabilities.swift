internal import Linux

/// The effective capabilities of this process (capabilities(7)).
public struct Capabilities: Sendable {
    /// Those that the agent uses, with their bit numbers from include/uapi/linux/capability.h.
    public enum Name: Int, Sendable, CaseIterable {
        case dacReadSearch = 2
        case sysPtrace = 19
        case sysAdmin = 21
        case sysResource = 24
        case perfmon = 38
        case bpf = 39

        public var text: String {
            switch self {
            case .dacReadSearch: "CAP_DAC_READ_SEARCH"
            case .sysPtrace: "CAP_SYS_PTRACE"
            case .sysAdmin: "CAP_SYS_ADMIN"
            case .sysResource: "CAP_SYS_RESOURCE"
            case .perfmon: "CAP_PERFMON"
            case .bpf: "CAP_BPF"
            }
        }

        /// What the agent needs it for.
        public var purpose: String {
            switch self {
            case .dacReadSearch: "reading container metadata that other users own"
            case .sysPtrace: "looking into the namespaces of other processes"
            case .sysAdmin: "entering network namespaces, and BPF before Linux 5.8"
            case .sysResource: "raising RLIMIT_MEMLOCK before Linux 5.11; not needed since"
            case .perfmon: "attaching BPF programs to tracepoints"
            case .bpf: "loading BPF programs and maps"
            }
        }
    }

    private let effective: UInt64

    /// Reads `CapEff` of /proc/self/status; everything counts as missing if that cannot be read.
    public static func current() -> Capabilities {
        let status = (try? SmallFile.text("/proc/self/status")) ?? ""
        for line in status.split(separator: "\n") where line.hasPrefix("CapEff:") {
            let digits = line.dropFirst(7).drop { $0 == " " || $0 == "\t" }
            return Capabilities(effective: UInt64(digits, radix: 16) ?? 0)
        }
        return Capabilities(effective: 0)
    }

    public init(effective: UInt64) { self.effective = effective }

    public func has(_ name: Name) -> Bool { effective & (1 << UInt64(name.rawValue)) != 0 }

    /// What is missing for the core to run: `CAP_SYS_ADMIN` stands for `CAP_BPF` and `CAP_PERFMON`.
    public var missingForCore: [Name] {
        if has(.sysAdmin) { return [] }
        return [Name.bpf, .perfmon].filter { !has($0) }
    }
}
