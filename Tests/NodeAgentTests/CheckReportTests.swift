import Export
import Kernel
import Testing

@testable import NodeAgent

@Suite struct CheckReportTests {
    private typealias Item = CheckReport.Item

    @Test func allIsWell() {
        let report = CheckReport(
            kernelRelease: "6.1.0",
            basics: [Item(name: "BTF", isAvailable: true, isCore: true, detail: "/sys/kernel/btf/vmlinux")],
            features: [
                Item(name: "processes", isAvailable: true, isCore: true, detail: "needs Linux 5.8"),
                Item(name: "tcp", isAvailable: false, detail: "refused\nby the kernel"),
            ],
            capabilities: [Item(name: "CAP_BPF", isAvailable: true, detail: "loading")], advice: "")
        #expect(report.canRun)
        #expect(
            report.lines == [
                "martlet-node \(Version.current) on Linux 6.1.0",
                "",
                "MACHINE  AVAILABLE  FOUND",
                "BTF      yes        /sys/kernel/btf/vmlinux",
                "",
                "FEATURE    ENABLED  REASON, REQUIREMENT",
                "processes  yes      needs Linux 5.8",
                "tcp        no       refused by the kernel",
                "",
                "CAPABILITY  HELD  PURPOSE",
                "CAP_BPF     yes   loading",
                "",
                "The agent can run.",
            ])
    }

    @Test func coreIsMissing() {
        let report = CheckReport(
            kernelRelease: "5.4.0", basics: [Item(name: "BTF", isAvailable: false, isCore: true, detail: "no")],
            features: [Item(name: "processes", isAvailable: false, isCore: true, detail: "no BTF")],
            capabilities: [Item(name: "CAP_BPF", isAvailable: false, isCore: true, detail: "loading")],
            advice: "missing CAP_BPF")
        #expect(!report.canRun)
        #expect(
            report.lines.suffix(3) == [
                "missing CAP_BPF", "", "The agent cannot run: it needs BTF, processes, CAP_BPF.",
            ])
    }

    /// Where series go, without secrets.
    @Test func exports() throws {
        var configuration = Configuration()
        #expect(CheckReport.gather(configuration).lines.contains("page    yes      127.0.0.1:10300"))
        configuration.metricsEndpoints = ["https://user:secret@a/w?key=secret"]
        configuration.credentials = .bearer("secret")
        configuration.proxies = try ProxySettings { $0 == "https_proxy" ? "http://u:secret@p:1" : nil }
        let lines = CheckReport.gather(configuration).lines
        #expect(lines.contains { $0.hasPrefix("page    no ") })
        let push = "push    yes      https://a/w?… (remote-write, compression auto, through http://p:1/)"
        #expect(lines.contains(push), "\(lines)")
        #expect(!lines.contains { $0.contains("secret") })
    }

    /// Whatever this machine allows, there is a report.
    @Test func thisMachine() {
        let report = CheckReport.gather(Configuration())
        #expect(!report.kernelRelease.isEmpty)
        #expect(report.basics.map(\.name) == ["BTF", "control groups", "event loop"])
        #expect(report.features.count == Feature.allCases.count)
        #expect(report.features.allSatisfy { !$0.detail.isEmpty })
    }
}
