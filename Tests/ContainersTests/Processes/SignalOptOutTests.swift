import Testing

@testable import Containers

@Suite struct SignalOptOutTests {
    private func environ(_ entries: String...) -> SignalOptOut {
        SignalOptOut(environ: entries.flatMap { (text: String) -> [UInt8] in Array(text.utf8) + [0] }[...])
    }

    @Test func variables() {
        #expect(environ("PATH=/bin", "COROOT_EBPF_PROFILING=disabled") == .profiles)
        #expect(environ("COROOT_LOG_MONITORING=disabled", "COROOT_EBPF_TRACES=disabled") == [.logs, .traces])
        #expect(environ("COROOT_EBPF_TRACES=is disabled here") == .traces)
        #expect(environ("COROOT_EBPF_TRACES=enabled", "COROOT_EBPF_TRACES", "XCOROOT_EBPF_TRACES=disabled") == [])
        #expect(
            environ("COROOT_EBPF_TRACES_disabled=1", "COROOT_OTHER=disabled", "A=COROOT_EBPF_TRACES=disabled") == [])
        #expect(environ() == [])
        #expect(SignalOptOut(environ: Array("COROOT_LOG_MONITORING=disabled".utf8)[...]) == .logs)
    }

    @Test func metadata() {
        #expect(SignalOptOut(environment: ["COROOT_LOG_MONITORING": "disabled", "X": "disabled"]) == .logs)
        #expect(SignalOptOut(environment: ["COROOT_LOG_MONITORING": ""]) == [])
    }
}
