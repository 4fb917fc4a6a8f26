internal import CLinux
public import Linux

/// The effective capabilities of this process (capabilities(7)).
public struct Capabilities: Sendable {
    /// Those that the agent uses, with their bit numbers from include/uapi/linux/capability.h.
    public enum Name: Int, Sendable, CaseIterable {
        case dacReadSearch = 2
        case setgid = 6
        case setuid = 7
        case setpcap = 8
        case netBindService = 10
        case netAdmin = 12
        case netRaw = 13
        case sysPtrace = 19
        case sysAdmin = 21
        case sysResource = 24
        case perfmon = 38
        case bpf = 39

        public var text: String {
            switch self {
            case .dacReadSearch: "CAP_DAC_READ_SEARCH"
            case .setgid: "CAP_SETGID"
            case .setuid: "CAP_SETUID"
            case .setpcap: "CAP_SETPCAP"
            case .netBindService: "CAP_NET_BIND_SERVICE"
            case .netAdmin: "CAP_NET_ADMIN"
            case .netRaw: "CAP_NET_RAW"
            case .sysPtrace: "CAP_SYS_PTRACE"
            case .sysAdmin: "CAP_SYS_ADMIN"
            case .sysResource: "CAP_SYS_RESOURCE"
            case .perfmon: "CAP_PERFMON"
            case .bpf: "CAP_BPF"
            }
        }

        /// The name as people write it: `CAP_BPF`, `cap_bpf` or `bpf`. Nil for one that the agent never uses.
        public init?(text: Substring) {
            let name = text.lowercased()
            let full = name.hasPrefix("cap_") ? name : "cap_" + name
            guard let found = Self.allCases.first(where: { $0.text.lowercased() == full }) else { return nil }
            self = found
        }

        /// What the agent needs it for.
        public var purpose: String {
            switch self {
            case .dacReadSearch: "reading container metadata that other users own"
            case .setgid, .setuid: "becoming another user (--run-as)"
            case .setpcap: "emptying the bounding set (--drop-privileges)"
            case .netBindService: "a page on a port below 1024"
            case .netAdmin: "asking for delays of processes and for translated addresses"
            case .netRaw: "measuring latency by ICMP"
            case .sysPtrace: "looking into the namespaces of other processes"
            case .sysAdmin: "entering network namespaces, and BPF before Linux 5.8"
            case .sysResource: "raising RLIMIT_MEMLOCK before Linux 5.11; not needed since"
            case .perfmon: "attaching BPF programs to tracepoints"
            case .bpf: "loading BPF programs and maps"
            }
        }
    }

    private let effective: UInt64

    /// The bits of a set of capabilities.
    public static func mask(_ names: some Sequence<Name>) -> UInt64 {
        names.reduce(0) { $0 | 1 << UInt64($1.rawValue) }
    }

    /// Runs `body` while the calling thread does not use `names`; it has them again afterwards. Throws what capset(2) throws.
    public func without<Success>(_ names: Set<Name>, _ body: () -> Success) throws(Errno) -> Success {
        guard martlet_use_capabilities(effective & ~Self.mask(names)) == 0 else { throw .last }
        let result = body()
        guard martlet_use_capabilities(effective) == 0 else { throw .last }
        return result
    }

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
