import Foundation
import Testing

extension SystemTests {
    /// GPUs, through a stand-in of NVIDIA's library: no test ran on a real GPU.
    @Suite struct GPU {
        private static let devices = [
            // The second device's clock is an hour behind the first one's: each must be asked with its own.
            "device GPU-a 80000000000 20000000000 61 250500 50 30 0 3600000000",
            "device GPU-b 40000000000 1000000000 40 70000 20 10 0 0",
            "device GPU-c 160000000000 5000000000 55 90000 0 0 1 0",
            "instance GPU-c MIG-1 20000000000 2000000000",
            "instance GPU-c MIG-2 20000000000 3000000000",
        ]

        /// A unit with two processes.
        private func unit(_ scratch: Scratch) throws -> (id: String, pids: [pid_t]) {
            let id = "/system.slice/gpu-\(UInt16.random(in: .min ... .max)).service"
            let cgroup = try Cgroup(making: id, in: scratch)
            let pids = try (0..<2).map { _ in try cgroup.start([Workload.path(), "sleep"], in: scratch).pid }
            return (id, pids)
        }

        private func near(_ value: Double?, _ expected: Double) -> Bool {
            value.map { abs($0 - expected) <= expected * 0.15 } ?? false
        }

        @Test func devicesAndContainers() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let machine = try GPUMachine(in: scratch)
            try machine.install()
            let agent = try machine.agent()
            let first = try unit(scratch)
            let second = try unit(scratch)
            try machine.show(
                Self.devices + [
                    "process GPU-a \(first.pids[0]) 30 12 1000000000", "process GPU-a \(first.pids[1]) 20 6 500000000",
                    "process GPU-b \(first.pids[0]) 40 8 0", "process GPU-b \(second.pids[0]) 10 4 250000000",
                    "process MIG-1 \(second.pids[0]) 0 0 700000000", "process MIG-2 \(second.pids[1]) 0 0 300000000",
                    // Of no container, or not there at all.
                    "process GPU-a 4000000 5 5 1000",
                ])
            let page = try agent.page(within: 25, "the window to be full") { page in
                near(page.value("container_resources_gpu_usage_percent", of: first.id, ["gpu_uuid": "GPU-a"]), 50)
            }
            // The sum over both processes, on each device.
            let name = "container_resources_gpu_memory_usage_percent"
            #expect(near(page.value(name, of: first.id, ["gpu_uuid": "GPU-a"]), 18))
            #expect(
                near(page.value("container_resources_gpu_usage_percent", of: first.id, ["gpu_uuid": "GPU-b"]), 40))
            #expect(
                near(page.value("container_resources_gpu_usage_percent", of: second.id, ["gpu_uuid": "GPU-b"]), 10))
            #expect(page.value("container_resources_gpu_usage_percent", of: second.id, ["gpu_uuid": "GPU-a"]) == nil)
            let memory = "martlet_container_gpu_memory_bytes"
            #expect(page.value(memory, of: first.id, ["gpu_uuid": "GPU-a"]) == 1_500_000_000)
            // MIG: memory by instance, no utilisation.
            #expect(page.value(memory, of: second.id, ["gpu_uuid": "MIG-1"]) == 700_000_000)
            #expect(page.value(memory, of: second.id, ["gpu_uuid": "MIG-2"]) == 300_000_000)
            for mig in ["MIG-1", "MIG-2", "GPU-c"] {
                #expect(page.value("container_resources_gpu_usage_percent", ["gpu_uuid": mig]) == nil)
                #expect(page.value("node_resources_gpu_utilization_percent_avg", ["gpu_uuid": mig]) == nil)
            }

            #expect(
                page.value(
                    "node_gpu_info", ["gpu_uuid": "GPU-a", "name": "Stand-in GPU-a", "driver_version": "999.1"]) == 1)
            #expect(page.all("node_gpu_info").count == 5)
            func node(_ name: String, _ gpu: String) -> Double? {
                page.value("node_resources_gpu_" + name, ["gpu_uuid": gpu])
            }
            #expect(node("memory_total_bytes", "GPU-a") == 80_000_000_000)
            #expect(node("memory_used_bytes", "GPU-b") == 1_000_000_000)
            #expect(node("memory_total_bytes", "MIG-2") == 20_000_000_000)
            #expect(node("memory_used_bytes", "MIG-2") == 3_000_000_000)
            #expect(node("temperature_celsius", "GPU-a") == 61)
            #expect(node("temperature_celsius", "MIG-1") == nil)
            #expect(node("power_usage_watts", "GPU-a") == 250.5)
            #expect(near(node("utilization_percent_avg", "GPU-a"), 50))
            #expect(node("utilization_percent_peak", "GPU-a") == 60)
            #expect(near(node("memory_utilization_percent_avg", "GPU-b"), 10))
            #expect(node("memory_utilization_percent_peak", "GPU-b") == 20)
            #expect(page.value("martlet_feature_enabled", ["feature": "gpu"]) == 1)
            #expect(try agent.complaints() == "")

            // Processes that leave the GPU leave the page.
            try machine.show(Self.devices)
            try agent.page(within: 25, "no process on any GPU") {
                $0.value("container_resources_gpu_usage_percent") == nil && $0.value(memory) == nil
            }
        }

        /// A driver that is installed while the agent runs, and one that goes and comes back.
        @Test func anyTime() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let machine = try GPUMachine(in: scratch)
            try machine.show(Self.devices)
            let agent = try machine.agent()
            sleep(1)
            let page = try agent.page()
            #expect(page.all("node_gpu_info").isEmpty)
            #expect(page.value("martlet_feature_enabled", ["feature": "gpu"]) == 0)
            try machine.install()
            try agent.page(within: 8, "the GPUs") { $0.all("node_gpu_info").count == 5 }

            // NVML_ERROR_UNINITIALIZED: the driver was unloaded.
            try machine.show(Self.devices + ["error 1"])
            let gone = try agent.page(within: 5, "no GPUs") { $0.all("node_gpu_info").isEmpty }
            #expect((gone.value("martlet_faults_total", ["kind": "gpu"]) ?? 0) >= 1)
            try machine.show(Self.devices)
            try agent.page(within: 20, "the GPUs again") { $0.all("node_gpu_info").count == 5 }
        }

        /// Calls that hang delay neither the page nor the end, and what is too old is not shown.
        @Test func hang() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let machine = try GPUMachine(in: scratch)
            try machine.install()
            let agent = try machine.agent()
            let unit = try unit(scratch)
            let lines = Self.devices + ["process GPU-a \(unit.pids[0]) 30 12 1000000000"]
            try machine.show(lines)
            try agent.page(within: 8, "the GPUs") {
                $0.value("container_resources_gpu_usage_percent", of: unit.id) != nil
            }
            try machine.show(lines + ["hang"])
            let begin = Machine.now
            var slowest = 0.0
            let vanished = try soon(within: 25, every: 0.5) {
                let asked = Machine.now
                let page = try agent.page()
                slowest = max(slowest, Machine.now - asked)
                return page.all("node_gpu_info").isEmpty
                    && page.value("container_resources_gpu_usage_percent") == nil
            }
            #expect(vanished)
            #expect(slowest < 0.5, "a page took \(slowest) s")
            #expect(Machine.now - begin > 10)
            try machine.show(lines)
            try agent.page(within: 5, "the GPUs again") { $0.all("node_gpu_info").count == 5 }
            try machine.show(lines + ["hang"])
            sleep(2)
            let end = agent.terminate()
            #expect(end.status == 0)
            #expect(end.seconds < 2)
        }

        @Test func hangsFromTheStart() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let machine = try GPUMachine(in: scratch)
            try machine.install()
            try machine.show(Self.devices + ["hang"])
            let begin = Machine.now
            let agent = try machine.agent()
            #expect(Machine.now - begin < 3)
            #expect(try !agent.page().samples.isEmpty)
        }

        /// An old library: what it lacks is absent, the rest is there.
        @Test func missingFunctions() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let machine = try GPUMachine(in: scratch)
            try machine.install(isOld: true)
            let agent = try machine.agent()
            let unit = try unit(scratch)
            try machine.show(Array(Self.devices.prefix(2)) + ["process GPU-a \(unit.pids[0]) 30 12 1000000000"])
            let page = try agent.page(within: 8, "the GPU's memory") {
                $0.value("martlet_container_gpu_memory_bytes", of: unit.id, ["gpu_uuid": "GPU-a"]) == 1_000_000_000
            }
            #expect(page.value("container_resources_gpu_usage_percent") == nil)
            #expect(page.all("node_gpu_info").count == 2)
        }

        @Test func disabled() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let machine = try GPUMachine(in: scratch)
            try machine.install()
            try machine.show(Self.devices)
            let agent = try machine.agent(["--disable-gpu-monitoring"])
            sleep(2)
            #expect(try agent.page().all("node_gpu_info").isEmpty)
        }

        /// A file that others may write, or that is no library, is not run.
        @Test func libraryOfOthers() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let machine = try GPUMachine(in: scratch)
            try machine.install()
            try machine.show(Self.devices)
            try Command.check(["chmod", "o+w", scratch.file("lib64/libnvidia-ml.so.1")])
            let agent = try machine.agent()
            sleep(2)
            #expect(try agent.page().all("node_gpu_info").isEmpty)
            try scratch.write("no library", to: "lib64/text")
            try Command.check(["mv", scratch.file("lib64/text"), scratch.file("lib64/libnvidia-ml.so.1")])
            try agent.page(within: 8, "the fault") {
                ($0.value("martlet_faults_total", ["kind": "gpu"]) ?? 0) >= 1
            }
        }
    }
}
