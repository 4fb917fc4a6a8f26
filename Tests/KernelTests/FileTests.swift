import CEvents
import Foundation
import Host
import Kernel
import Linux
import Metrics
import Testing

extension KernelTests {
    /// Where containers write: from file tables to series.
    @Suite struct Files {
        private static let folder = "/var/tmp"

        /// The mount and device of `folder` by its own words.
        private static func expected() throws -> (mount: UInt32, device: UInt32) {
            let text = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
            var best: [Substring] = []
            for line in text.split(separator: "\n") {
                let fields = line.split(separator: " ")
                let point = String(fields[4])
                let isAbove = point == folder || folder.hasPrefix(point == "/" ? "/" : point + "/")
                // A later mount at the same place hides the earlier one.
                if isAbove, best.isEmpty || point.utf8.count >= best[4].utf8.count { best = fields }
            }
            let line = best
            let numbers = line[2].split(separator: ":").compactMap { UInt32($0) }
            return (try #require(UInt32(line[0])), numbers[0] << 20 | numbers[1])
        }

        private static func written(
            _ kernel: KernelSide, during body: () throws -> Void
        ) throws -> [martlet_file_written] {
            var ring = try kernel.ring(0)
            try body()
            var events: [martlet_file_written] = []
            _ = ring.take(limit: .max) { record in
                let type = record.load(as: martlet_header.self).type
                if type == MARTLET_FILE_WRITTEN.rawValue { events.append(record.load(as: martlet_file_written.self)) }
            }
            ring.release()
            return events
        }

        private static func kernel(_ features: Set<Feature>) throws -> KernelSide {
            var configuration = KernelSide.Configuration(processors: 1, memoryHierarchy: 0)
            configuration.shards = 1
            return try KernelSide(configuration, wanted: features.union([.processes]))
        }

        /// A file that was closed before anybody looked, by each way of writing; and one that is open when its process ends.
        @Test(arguments: [
            "f=os.open(p,os.O_RDWR|os.O_CREAT); os.write(f,b'x'*5000); os.close(f)",
            "import mmap; f=os.open(p,os.O_RDWR|os.O_CREAT|os.O_DIRECT); m=mmap.mmap(-1,4096); os.write(f,m); os.close(f)",
            "import mmap; f=os.open(p,os.O_RDWR); m=mmap.mmap(f,4096); m[0]=65; m.close(); os.close(f)",
            "os.open(p,os.O_RDWR|os.O_CREAT)",
        ])
        func shortWritersAreSeen(_ code: String) throws {
            let kernel = try Self.kernel([.fileWrites])
            let cgroup = try TestCgroup()
            let file = "\(Self.folder)/\(cgroup.unit).data"
            // An old file that is clean, as a database would write to it.
            try Data(count: 8192).write(to: URL(fileURLWithPath: file))
            sync()
            defer { unlink(file) }
            let expected = try Self.expected()
            let events = try Self.written(kernel) { try cgroup.python("import os\np='\(file)'\n\(code)\n") }
            #expect(events.contains { $0.mount_id == expected.mount && $0.device == expected.device })
        }

        @Test func readersAndPseudoFileSystemsAreNot() throws {
            let kernel = try Self.kernel([.fileWrites])
            let cgroup = try TestCgroup()
            let events = try Self.written(kernel) {
                try cgroup.run(
                    "exec 3</etc/passwd; echo x > /dev/null; echo y > /dev/shm/\(cgroup.unit); rm /dev/shm/\(cgroup.unit)"
                )
            }
            let inode = try cgroupID(cgroup)
            #expect(events.filter { $0.header.cgroup == inode }.isEmpty)
        }

        private func cgroupID(_ cgroup: TestCgroup) throws -> UInt64 {
            for root in ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"] {
                if let id = try? Directory.inode("\(root)/system.slice/\(cgroup.unit)") { return id }
            }
            throw Errno.notFound
        }

        /// What is open is found by the iterator, once; and again only after a while.
        @Test func openFilesAreFoundOnce() throws {
            let kernel = try Self.kernel([.fileDiscovery])
            let cgroup = try TestCgroup()
            let file = "\(Self.folder)/\(cgroup.unit).data"
            defer { unlink(file) }
            let (_, output) = try cgroup.start("exec 7>\(file) 8>/dev/null 9</etc/passwd; echo ready; exec sleep 30")
            _ = output.line()
            let expected = try Self.expected()
            let id = try cgroupID(cgroup)
            var rows: [martlet_file_written] = []
            try kernel.findWrittenMounts { if $0.header.cgroup == id { rows.append($0) } }
            #expect(rows.map(\.mount_id) == [expected.mount])
            #expect(rows.first?.device == expected.device)
            try kernel.findWrittenMounts { if $0.header.cgroup == id { rows.append($0) } }
            #expect(rows.count == 1)
        }

        /// The cost of a look at many open files, which docs/disks.md states: generous here, for machines differ.
        @Test func manyOpenFilesAreReadQuickly() throws {
            let kernel = try Self.kernel([.fileDiscovery])
            let cgroup = try TestCgroup()
            let file = "\(Self.folder)/\(cgroup.unit).data"
            let program = "\(Self.folder)/\(cgroup.unit).py"
            defer { for path in [file, program] { unlink(path) } }
            try """
            import os, time
            parent = os.getpid()
            for i in range(25):
                if os.fork() == 0:
                    held = [os.open('\(file)', os.O_WRONLY | os.O_CREAT) for i in range(800)]
                    while os.getppid() == parent: time.sleep(0.05)
                    os._exit(0)
            time.sleep(2)
            print('ready', flush=True)
            time.sleep(30)
            """.write(toFile: program, atomically: true, encoding: .utf8)
            try kernel.findWrittenMounts { _ in }
            func cost() throws -> Double {
                let begin = MonotonicClock.threadCPU()
                for _ in 0..<10 { try kernel.findWrittenMounts { _ in } }
                return Double(MonotonicClock.threadCPU() - begin) / 10
            }
            let before = try cost()
            let (_, output) = try cgroup.start("exec python3 \(program)")
            try #require(output.line() == "ready")
            try kernel.findWrittenMounts { _ in }
            let perFile = try (cost() - before) / 20_000
            print("iterator: \(before / 1e6) ms without, \(perFile) ns more for each open file")
            #expect(perFile < 20_000)
        }

        /// All the way to the series, with the counters of the kernel.
        @Test func seriesAreTheCgroupsCounters() async throws {
            let rig = try await Rig()
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let file = "\(Self.folder)/\(cgroup.unit).data"
            defer { unlink(file) }
            let expected = try Self.expected()
            let device = "\(expected.device >> 20):\(expected.device & 0xFFFFF)"
            cgroup.countIO(device: device)
            let (_, output) = try cgroup.start(
                "dd if=/dev/zero of=\(file) bs=64k count=16 oflag=direct 2>/dev/null; echo done; exec sleep 30")
            _ = output.line()
            let id = cgroup.containerID
            let counter = try #require(cgroup.writtenBytes(device: device))
            #expect(counter >= 1_048_576.0)
            #expect(await rig.wait(.containerResourcesDiskWrittenBytesTotal, of: id, for: counter) == counter)
            // Asked for on a thread of its own.
            var size: Double?
            for _ in 0..<40 where size == nil {
                size = await rig.value(.containerResourcesDiskSizeBytes, of: id)
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(try #require(size) > 0)
            let series = await rig.registry.snapshot().series[.containerResourcesDiskWrittenBytesTotal].filter {
                $0.labels["container_id"] == id
            }
            #expect(series.count == 1)
        }

        /// Waiting for a CPU is counted, that of short processes too.
        @Test func delaysAreCounted() async throws {
            let rig = try await Rig()
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            // More busy processes than cores, each ended before anybody could ask for it.
            try cgroup.python(
                """
                import os, time
                for i in range(12):
                    if os.fork() == 0:
                        end = time.monotonic() + 0.2
                        while time.monotonic() < end: pass
                        os._exit(0)
                for i in range(12): os.wait()
                """)
            try await Task.sleep(for: .milliseconds(300))
            let waited = try #require(await rig.value(.containerResourcesCpuDelaySecondsTotal, of: cgroup.containerID))
            #expect(waited > 0.3 && waited < 60, "\(waited)")
            #expect(rig.faults.all()["taskstats"] == nil)
        }
    }
}
