import Foundation
import Testing

@testable import Host

struct HostInfoTests {
    @Test func agreesWithTheKernel() throws {
        let host = HostInfo.read()
        let release = try String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)
        #expect(host.kernelRelease == release.trimmingCharacters(in: .newlines))
        #expect(!host.hostname.isEmpty)
    }
}
