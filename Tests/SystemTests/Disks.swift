import Foundation
import Testing

extension SystemTests {
    /// Disks of containers: which mounts, on which device, as which volume, and their bytes.
    @Suite struct Disks {
        /// The block device of a folder, and what may be said of it in a container's options so that version 1 counts its I/O:
        /// Linux 6.10 and later do so only once some cgroup has a throttle for it. This one never throttles.
        private static func device(of folder: String) throws -> (name: String, number: String, counting: [String]) {
            let source = try Command.check(["findmnt", "-n", "-o", "SOURCE,MAJ:MIN", "-T", folder])
            let fields = source.split(separator: " ", omittingEmptySubsequences: true)
            let path = String(try #require(fields.first))
            return (
                URL(fileURLWithPath: path).lastPathComponent, String(try #require(fields.last)),
                ["--device-write-bps", path + ":1tb"]
            )
        }

        /// Bytes and operations that the kernel counts for a cgroup and a device, by the names of our metrics.
        private static func counters(_ cgroup: Cgroup, _ device: String) -> [String: Double] {
            var found: [String: Double] = [:]
            for (file, read, write) in [
                ("blkio.throttle.io_service_bytes", "read_bytes", "written_bytes"),
                ("blkio.throttle.io_serviced", "reads", "writes"),
            ] {
                for line in cgroup.read(file).split(separator: "\n") where line.hasPrefix(device + " ") {
                    let fields = line.split(separator: " ")
                    if fields[1] == "Read" { found[read] = Double(fields[2]) }
                    if fields[1] == "Write" { found[write] = Double(fields[2]) }
                }
            }
            for line in cgroup.read("io.stat").split(separator: "\n") where line.hasPrefix(device + " ") {
                for field in line.split(separator: " ").dropFirst() {
                    let pair = field.split(separator: "=")
                    let names = [
                        "rbytes": "read_bytes", "wbytes": "written_bytes", "rios": "reads", "wios": "writes",
                    ]
                    if let name = names[String(pair[0])] { found[name] = Double(pair[1]) }
                }
            }
            return found
        }

        private static let families = ["read_bytes", "written_bytes", "reads", "writes"]

        /// A bind mount and a volume have series that are the kernel's counters to the byte; a tmpfs and the image have none.
        @Test func values() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let agent = try AgentProcess(in: scratch)
            let daemon = try DockerDaemon(in: scratch)
            let folder = try scratch.folder("data")
            let device = try Self.device(of: folder)
            let name = "disk-\(UInt16.random(in: .min ... .max))"
            // Each writer is gone before anybody could look at its files.
            let writes = [
                "put direct 2097152 /data/direct", "put sync 1000000 /data/sync", "put direct 655360 /vol/direct",
                "put sync 70000 /tmp/sync", "put sync 70000 /image",
            ]
            let script = writes.map { "/workload \($0) && " }.joined() + "echo done && exec /workload sleep"
            let identifier = try daemon.run(
                name,
                options: [
                    "-v", folder + ":/data", "-v", "static-volume:/vol", "--tmpfs", "/tmp",
                ] + device.counting, ["/bin/sh", "-c", script])
            let container = "/docker/" + name
            let cgroup = Cgroup(existing: "/docker/" + identifier)
            try #require(soon(within: 20) { try daemon.docker(["logs", name]).contains("done") })

            try agent.page(within: 30, "series of both mounts, with their space") {
                $0.all("container_resources_disk_size_bytes", ["container_id": container]).count == 2
            }
            // At rest, until a page and the counters around it agree.
            let stable = try eventually(within: 20, every: 0.5) { () -> Page? in
                let before = Self.counters(cgroup, device.number)
                let page = try agent.page()
                let shown = page.value(
                    "container_resources_disk_written_bytes_total", of: container, ["mount_point": "/data"])
                return before == Self.counters(cgroup, device.number) && shown == before["written_bytes"] ? page : nil
            }
            let page = try #require(stable, "\(Self.counters(cgroup, device.number))")
            let expected = Self.counters(cgroup, device.number)
            #expect(expected["written_bytes"] ?? 0 >= 3_752_512.0)
            for family in Self.families {
                let series = page.all("container_resources_disk_\(family)_total", ["container_id": container])
                // The counters are those of the device: the same for each mount on it.
                #expect(series.map(\.value) == [expected[family], expected[family]], "\(family)")
                let places = Set(series.map { [$0.labels["mount_point"], $0.labels["device"], $0.labels["volume"]] })
                #expect(places == [["/data", device.name, ""], ["/vol", device.name, "static-volume"]])
            }
            var space = statvfs()
            #expect(statvfs(folder, &space) == 0)
            let labels = ["mount_point": "/data"]
            let size = page.value("container_resources_disk_size_bytes", of: container, labels)
            #expect(size == Double(space.f_blocks) * Double(space.f_frsize))
            let used = try #require(page.value("container_resources_disk_used_bytes", of: container, labels))
            let actual = Double(space.f_blocks - space.f_bfree) * Double(space.f_frsize)
            #expect(abs(used - actual) < 2e9, "others write meanwhile")
            let reserved = page.value("container_resources_disk_reserved_bytes", of: container, labels)
            #expect(try #require(reserved) >= 0)
            #expect(page.value("martlet_faults_total", ["kind": "disk_hung"]) == nil)
        }

        /// A file system that never answers: the page comes as fast as ever, and other containers' series go on.
        @Test func silentFileSystem() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let (fuse, source) = (try scratch.folder("fuse"), try scratch.folder("source"))
            let data = try scratch.folder("data")
            let flag = scratch.file("silent")
            let helper = try ChildProcess(
                ["python3", Machine.helpers + "/silent_fuse.py", fuse, source, flag], in: scratch)
            // Its end lets everybody go who waits for it; also if a check fails.
            scratch.atEnd { helper.signal(SIGKILL) }
            try helper.expect("ready")
            let daemon = try DockerDaemon(in: scratch)
            let device = try Self.device(of: data)
            let number = UInt16.random(in: .min ... .max)
            let (hung, other) = ("hung-\(number)", "other-\(number)")
            try daemon.run(
                hung, options: ["-v", fuse + ":/fuse"] + device.counting,
                ["/workload", "append", "200", "/fuse/volume/f"])
            try daemon.run(other, options: ["-v", data + ":/data"], ["/workload", "append", "200", "/data/f"])
            // The files are older than the agent, and stay open.
            let agent = try AgentProcess(in: scratch)
            scratch.atEnd { helper.signal(SIGKILL) }
            func size(_ page: Page, _ name: String) -> Double? {
                page.value("container_resources_disk_size_bytes", of: "/docker/" + name)
            }
            func written(_ page: Page, _ name: String) -> Double? {
                page.value("container_resources_disk_written_bytes_total", of: "/docker/" + name)
            }
            try agent.page(within: 40, "space of both") { size($0, hung) != nil && size($0, other) != nil }

            #expect(FileManager.default.createFile(atPath: flag, contents: nil))
            let first = try agent.page()
            var slowest = 0.0
            // Space is asked for every 15 s, and a call counts as hung after two more.
            let found = try soon(within: 40, every: 0.5) {
                let begin = Machine.now
                let page = try agent.page()
                slowest = max(slowest, Machine.now - begin)
                return page.value("martlet_faults_total", ["kind": "disk_hung"]) ?? 0 >= 1
            }
            #expect(found)
            sleep(11)
            let last = try agent.page()
            #expect(slowest < 2, "the slowest page took \(slowest) s")
            #expect(size(last, hung) == nil)
            #expect(size(last, other) != nil)
            #expect(try #require(written(last, other)) > (written(first, other) ?? 0))
            #expect(
                try #require(written(last, hung)) > (written(first, hung) ?? 0), "counters do not ask the file system")
            #expect(last.value("martlet_faults_total", ["kind": "disk_hung"]) == 1, "asked once")
            let threads =
                (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(agent.process.pid)/task")) ?? []
            let waiting = threads.filter { thread in
                (try? String(contentsOfFile: "/proc/\(agent.process.pid)/task/\(thread)/comm", encoding: .utf8))
                    == "statfs\n"
            }
            #expect(waiting.count == 1)
        }

        /// Waiting for a disk is counted where the kernel is asked to, and its absence is said once.
        @Test func delays() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let setting = "/proc/sys/kernel/task_delayacct"
            let before = try String(contentsOfFile: setting, encoding: .utf8)
            func set(_ value: String) throws { try Command.check(["/bin/sh", "-c", "echo \(value) > \(setting)"]) }
            scratch.atEnd { try? set(before.trimmingCharacters(in: .newlines)) }
            try set("0")
            let agent = try AgentProcess(in: scratch)
            let lines = agent.process.errors.split(separator: "\n").filter { $0.contains("task_delayacct") }
            #expect(lines.count == 1)
            try set("1")
            let data = try scratch.folder("data")
            let container = try RuncContainer(
                pod: "delay-0",
                [
                    "/bin/sh", "-c",
                    "i=0; while [ $i -lt 200 ]; do /workload burn 5 & i=$((i+1)); done; exec /workload sleep",
                ],
                in: scratch)
            _ = container
            let identifier = "/k8s/\(Machine.namespace)/delay-0/main"
            // More processes than cores want to run at once.
            try agent.page(within: 20, "CPU delay") {
                $0.value("container_resources_cpu_delay_seconds_total", of: identifier) ?? 0 > 0.05
            }
            let cgroup = try Cgroup(making: "/system.slice/martlet-delay-\(getpid()).service", in: scratch)
            _ = try cgroup.start([Workload.path(), "append", "1", data + "/f"], in: scratch)
            try agent.page(within: 20, "disk delay") {
                $0.value("container_resources_disk_delay_seconds_total", of: cgroup.path) ?? 0 > 0
            }
            #expect(try agent.page().value("martlet_faults_total", ["kind": "taskstats"]) == nil)
        }
    }
}
