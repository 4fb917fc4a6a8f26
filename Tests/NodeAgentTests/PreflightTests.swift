import Kernel
import Testing

@testable import NodeAgent

@Suite struct PreflightTests {
    private func preflight(_ names: [Capabilities.Name], isRoot: Bool = true) -> Preflight {
        let bits = names.reduce(0 as UInt64) { $0 | 1 << UInt64($1.rawValue) }
        return Preflight(capabilities: Capabilities(effective: bits), isRoot: isRoot, program: "/usr/bin/martlet-node")
    }

    @Test func enough() {
        #expect(preflight([.bpf, .perfmon, .sysPtrace]).refusal == nil)
        #expect(preflight([.sysAdmin, .sysPtrace]).refusal == nil)
        #expect(preflight([.bpf, .perfmon, .sysPtrace, .dacReadSearch], isRoot: false).refusal == nil)
    }

    @Test func oneMissing() {
        #expect(
            preflight([.bpf, .sysPtrace]).refusal
                == "missing CAP_PERFMON (attaching BPF programs to tracepoints); "
                + "add it to the container or unit, or run it privileged")
        #expect(preflight([.bpf, .perfmon]).missing == [.sysPtrace])
        #expect(preflight([.perfmon, .sysPtrace]).missing == [.bpf])
        #expect(preflight([.bpf, .perfmon, .sysPtrace], isRoot: false).missing == [.dacReadSearch])
    }

    @Test func nothingAtAll() {
        let refusal = preflight([], isRoot: false).refusal ?? ""
        #expect(refusal.hasPrefix("missing CAP_BPF (loading BPF programs and maps), CAP_PERFMON ("))
        #expect(
            refusal.hasSuffix(
                "; run as root or: setcap cap_dac_read_search,cap_net_admin,cap_net_raw,cap_sys_ptrace,cap_sys_admin,cap_perfmon,cap_bpf+ep "
                    + "/usr/bin/martlet-node"))
        #expect(!refusal.contains("\n"))
        #expect(!refusal.contains("sys_resource"))
    }
}
