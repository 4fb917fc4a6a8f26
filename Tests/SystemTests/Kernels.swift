import Foundation
import Testing

extension SystemTests {
    /// The agent on another kernel, with cgroup v2 alone: `tools/kernels` boots it in QEMU.
    @Suite struct Kernels {
        @Test func linux61() throws {
            let tool = Machine.helpers + "/../../../tools/kernels"
            let fetched = try Command.run([tool, "--fetch", "6.1"], seconds: 120)
            if fetched.status != 0 {
                try Test.cancel("Linux 6.1 cannot be fetched: \(fetched.errors.suffix(300))")
            }
            let result = try Command.run([tool, "--agent-only", "6.1"], seconds: 600)
            #expect(result.status == 0, "\(result.output) \(result.errors.suffix(500))")
            #expect(result.output.contains("Linux 6.1: passed: "))
            print(result.output.split(separator: "\n").last ?? "")
        }
    }
}
