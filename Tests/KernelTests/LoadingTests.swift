import Foundation
import Host
import Kernel
import Linux
import Testing

extension KernelTests {
    @Suite struct Loading {
        private var configuration: KernelSide.Configuration {
            var configuration = KernelSide.Configuration(processors: 2, memoryHierarchy: 0)
            configuration.cgroupRoot = try? CgroupLayout.detect().v2Mount
            return configuration
        }

        @Test func everyFeatureRunsHere() throws {
            let kernel = try KernelSide(configuration)
            for state in kernel.features { #expect(state.isEnabled, "\(state.feature): \(state.reason)") }
            #expect(kernel.memoryBytes() > 0)
            #expect(kernel.memoryBytes() < 32 << 20)
        }

        @Test func whatIsSwitchedOffSaysSo() throws {
            let kernel = try KernelSide(configuration, wanted: [.processes])
            #expect(kernel.isEnabled(.processes))
            #expect(kernel.features.first { $0.feature == .tcp }?.reason == "switched off")
            #expect(throws: Errno.unsupported) { try kernel.sampleConnections { _ in } }
        }

        @Test func aFullRingCountsWhatItLoses() throws {
            var small = configuration
            small.ringBytes = 4096
            small.shards = 1
            let kernel = try KernelSide(small)
            var ring = try kernel.ring(0)
            for _ in 0..<100 {
                let child = try Process.run(URL(fileURLWithPath: "/bin/true"), arguments: [])
                child.waitUntilExit()
            }
            let lost = kernel.losses()[0][0]
            #expect(lost > 0)
            var taken = 0
            taken += ring.take(limit: .max) { _ in }
            ring.release()
            #expect(taken > 0)
            #expect(ring.pending == 0)
            // 100 processes have at least a start, an exec and an exit each: kept or counted.
            #expect(UInt64(taken) + lost >= 300)
            let child = try Process.run(URL(fileURLWithPath: "/bin/true"), arguments: [])
            child.waitUntilExit()
            #expect(ring.take(limit: .max) { _ in } > 0)
        }

        @Test func findsProcesses() throws {
            let kernel = try KernelSide(configuration)
            var pids = Set<UInt32>()
            try kernel.findProcesses { pids.insert($0.pid) }
            #expect(pids.contains(UInt32(getpid())))
            #expect(!pids.contains(2))  // kthreadd is no process of anybody's
        }
    }
}
