import Foundation
import Testing

extension SystemTests {
    /// Everything that can happen to the spool's disk and to the process that writes it. At the end a real receiver is asked
    /// for every sample: what it lacks, the agent must have counted.
    @Suite struct SpoolFaults {
        private static func number(_ name: String, _ usual: Int) -> Int {
            ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? usual
        }

        /// How often the agent is killed: `MARTLET_KILLS`.
        private static let kills = number("MARTLET_KILLS", 20)
        /// How many damaged spools are tried: `MARTLET_DAMAGES`.
        private static let damages = number("MARTLET_DAMAGES", 3)

        /// A record on the disk, as another reader of docs/spool.md sees it.
        private struct Record: Decodable {
            let sequence: Int
            let hash: String
        }

        private static func records(in directory: String) throws -> [Record] {
            try Command.check(["python3", Machine.helpers + "/spool_files.py", "list", directory]).split(
                separator: "\n"
            ).map {
                try JSONDecoder().decode(Record.self, from: Data($0.utf8))
            }
        }

        private static func mount(_ arguments: [String], at path: String) throws {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try Command.check(["mount"] + arguments + [path])
        }

        /// Killed again and again while it writes, or while it sends what waits: what stood on the disk arrives, in order, and
        /// nothing comes again but what was on its way.
        @Test func kills() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let store = try Prometheus(in: scratch)
            let proxy = try FaultProxy(before: store.port, in: scratch)
            let arguments =
                PushScene.quiet + [
                    "--metrics-endpoint=http://127.0.0.1:\(proxy.port)/api/v1/write", "--scrape-interval=20ms",
                    "--spool-sync=always",
                ]
            let spool = scratch.file("wal/martlet/metrics")
            var waiting: Set<String> = []
            var midWrites = 0
            for round in 0..<Self.kills {
                // Two lives fill the spool, and the third empties it.
                try proxy.plan(round % 3 == 2 ? "slow/0.01" : "500")
                let before = proxy.requests.count
                let command = [
                    Machine.agent, "--listen=127.0.0.1:\(try Machine.freePort())", "--min-container-age=0s",
                    "--wal-dir=\(scratch.file("wal"))",
                ]
                let agent = try ChildProcess(command + arguments, in: scratch)
                // Mostly while it works, sometimes while it starts.
                if round % 7 == 6 {
                    usleep(.random(in: 0..<1_500_000))
                } else {
                    #expect(soon(within: 30, every: 0.01) { proxy.requests.count > before }, "\(agent.errors)")
                    usleep(.random(in: 0..<400_000))
                }
                agent.signal(SIGKILL)
                #expect(agent.wait(seconds: 10) == 137, "round \(round): \(agent.errors.suffix(500))")
                let records = try Self.records(in: spool)
                waiting.formUnion(records.map(\.hash))
                let sequences = records.map(\.sequence)
                if let (first, last) = sequences.first.flatMap({ first in sequences.last.map { (first, $0) } }) {
                    #expect(last - first + 1 >= sequences.count)
                    if last - first + 1 > sequences.count { midWrites += 1 }
                }
            }
            try proxy.plan("pass")
            let last = try AgentProcess(arguments, in: scratch)
            try last.page(within: 60, "an empty spool") {
                $0.value("martlet_queue_depth", ["queue": "spool_bytes"]) == 0
            }
            _ = last.terminate()

            let ledger = try store.ledger()
            let taken = proxy.requests.filter(\.wasTaken).map(\.hash)
            #expect(waiting.count > Self.kills && waiting.isSubset(of: taken), "\(waiting.count) waited")
            #expect(ledger.isWhole, "\(ledger)")
            var places: [String: Int] = [:]
            var repeats = 0
            for (place, hash) in taken.enumerated() {
                if let earlier = places[hash] {
                    repeats += 1
                    // Long ago would be many requests before.
                    #expect(place - earlier <= 8, "a request comes again after \(place - earlier) others")
                }
                places[hash] = place
            }
            #expect(repeats <= Self.kills)
            print("\(Self.kills) kills: \(waiting.count) records seen on disk, \(repeats) sent again; \(ledger)")
        }

        /// The disk is full, or the spool has reached its limit: the oldest give way, counted, and the rest arrives.
        @Test func fullDiskAndFullSpool() throws {
            let disk = try PushScene("pass pass 500") { scratch in
                try Self.mount(["-t", "tmpfs", "-o", "size=256k", "tmpfs"], at: scratch.file("wal"))
            }
            defer { disk.scratch.remove() }
            let limit = try PushScene("pass pass 500", ["--max-spool-size=256KB"])
            defer { limit.scratch.remove() }
            try disk.agent.page(within: 60, "requests dropped from memory") {
                $0.value("martlet_remote_write_requests_total", ["result": "dropped"]) ?? 0 >= 20
            }
            try limit.agent.page(within: 60, "requests dropped from the spool") {
                $0.value("martlet_spool_records_total", ["result": "dropped"]) ?? 0 >= 20
            }
            for scene in [disk, limit] { try scene.proxy.plan("pass") }
            for scene in [disk, limit] { try scene.drain(within: 60) }
            for (scene, counter, samples) in [
                (
                    disk, "martlet_remote_write_requests_total{result=\"dropped\"}",
                    "martlet_remote_write_samples_total{result=\"dropped\"}"
                ),
                (
                    limit, "martlet_spool_records_total{result=\"dropped\"}",
                    "martlet_dropped_total{reason=\"spool_full_samples\"}"
                ),
            ] {
                let ledger = try scene.end()
                let dropped = Int(try scene.store.newest(counter))
                #expect(ledger.missing == dropped && ledger.samples == ledger.expectedSamples, "\(ledger): \(dropped)")
                let count = Int(try scene.store.newest(samples))
                #expect((dropped * ledger.range.lowerBound...dropped * ledger.range.upperBound).contains(count))
                #expect(scene.proxy.repeats == 0)
            }
            #expect(try disk.store.newest("martlet_faults_total{kind=\"spool_write\"}") > 0)
            #expect(disk.lines("the spool takes nothing").count == 1)
        }

        /// The file system becomes read-only under the agent: what is on it is still sent, and what comes waits in memory.
        @Test func readOnlyWhileRunning() throws {
            var disk = ""
            let scene = try PushScene("pass pass 500", ["--max-spool-size=1MB"]) { scratch in
                let image = scratch.file("image")
                try Command.check(["truncate", "-s", "8M", image])
                try Command.check(["mkfs.ext4", "-q", image])
                try Self.mount(["-o", "loop,errors=remount-ro", image], at: scratch.file("wal"))
                disk = try Command.check(["findmnt", "-no", "SOURCE", scratch.file("wal")])
            }
            defer { scene.scratch.remove() }
            try scene.agent.page(within: 60, "two segments on disk") {
                $0.value("martlet_queue_depth", ["queue": "spool_bytes"]) ?? 0 >= 200_000
            }
            // As a damaged disk does it; remounting is refused while files are open.
            let trigger = "/sys/fs/ext4/\(disk.split(separator: "/").last ?? "")/trigger_fs_error"
            try "test".write(toFile: trigger, atomically: false, encoding: .utf8)
            try scene.agent.page(within: 60, "requests dropped from memory") {
                $0.value("martlet_remote_write_requests_total", ["result": "dropped"]) ?? 0 >= 5
            }
            try scene.proxy.plan("pass")
            var sent = 0.0
            try scene.agent.page(within: 60, "requests sent") {
                sent = $0.value("martlet_remote_write_requests_total", ["result": "sent"]) ?? 0
                return sent >= 40 && $0.value("martlet_queue_depth", ["queue": "remote_write_requests"]) ?? 99 <= 1
            }
            let ledger = try scene.end()
            let dropped = Int(try scene.store.newest("martlet_remote_write_requests_total{result=\"dropped\"}"))
            #expect(ledger.missing == dropped && ledger.samples == ledger.expectedSamples, "\(ledger): \(dropped)")
            #expect(try scene.store.newest("martlet_faults_total{kind=\"spool_write\"}") > 0)
        }

        /// A directory that was named and cannot be written ends the agent before it has done anything.
        @Test func readOnlyAtStart() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let path = scratch.file("wal")
            try Self.mount(["-t", "tmpfs", "-o", "ro", "tmpfs"], at: path)
            let result = try Command.run([
                Machine.agent, "--listen=127.0.0.1:0", "--metrics-endpoint=http://127.0.0.1:9/write",
                "--wal-dir=\(path)",
            ])
            #expect(result.status == 73, "\(result.errors)")
            let lines = result.errors.split(separator: "\n").filter { $0.contains(path) }
            #expect(lines.count == 1 && lines[0].contains("Read-only file system"), "\(result.errors)")
        }

        /// A spool of another version is moved aside, byte by byte as it was, and that is pushed.
        @Test func anotherVersion() throws {
            let directory = "wal/martlet/metrics"
            let name = "00000000000000000007.seg"
            let old =
                Data("MARTLSPL".utf8) + Data([9, 0, 0, 0]) + Data((0..<500).map { UInt8(truncatingIfNeeded: $0) })
            let scene = try PushScene("pass") { scratch in
                _ = try scratch.folder(directory)
                try old.write(to: URL(fileURLWithPath: scratch.file("\(directory)/\(name)")))
            }
            defer { scene.scratch.remove() }
            #expect(soon(within: 20) { scene.proxy.requests.count >= 3 })
            let ledger = try scene.end()
            #expect(ledger.isWhole, "\(ledger)")
            #expect(FileManager.default.contents(atPath: scene.scratch.file("\(directory)/\(name).aside")) == old)
            #expect(try scene.store.newest("martlet_faults_total{kind=\"spool_file_aside\"}") == 1)
            let lines = scene.lines("moved aside")
            #expect(lines.count == 1, "\(scene.agent.process.errors)")
        }

        /// A damaged spool, differently each time: the agent starts, nothing arrives that was not written, and what is missing
        /// was counted.
        @Test func damagedFiles() throws {
            let directory = "wal/martlet/metrics"
            let first = try PushScene("500", ["--max-spool-size=512KB"])
            defer { first.scratch.remove() }
            try first.agent.page(within: 60, "three segments on disk") {
                $0.value("martlet_queue_depth", ["queue": "spool_bytes"]) ?? 0 >= 180_000
            }
            first.agent.process.signal(SIGKILL)
            _ = first.agent.process.wait(seconds: 10)

            func life(_ damage: (String) throws -> String) throws -> (scene: PushScene, how: String) {
                var how = ""
                let scene = try PushScene("pass", ["--max-spool-size=512KB"]) { scratch in
                    try Command.check(["cp", "-a", first.scratch.file("wal"), scratch.file("wal")])
                    how = try damage(scratch.file(directory))
                }
                return (scene, how)
            }
            func samples(_ scene: PushScene) throws -> [[String: String]: Set<StoredSeries.Point>] {
                Dictionary(try scene.store.samples("{__name__=~\".+\"}").map { ($0.metric, Set($0.points)) }) {
                    $0.union($1)
                }
            }

            let (whole, _) = try life { _ in "" }
            defer { whole.scratch.remove() }
            try whole.drain(within: 30)
            #expect(try whole.end().lives.count == 2)
            let truth = try samples(whole)
            let numbers = try whole.store.samples("martlet_push_snapshots_total").flatMap(\.points)
            // Those of the first life: all before the second one's first.
            let times = Set(numbers.prefix { $0.value > 0 || $0.time == numbers[0].time }.map(\.time))
            #expect(times.count > 20)
            let last = try #require(times.max())

            let start = UInt32.random(in: 0..<1_000_000)
            for seed in (0..<Self.damages).map({ start + UInt32($0) }) {
                let (scene, how) = try life { path in
                    try Command.check(["python3", Machine.helpers + "/spool_files.py", "damage", path, "\(seed)"])
                }
                defer { scene.scratch.remove() }
                try scene.drain(within: 30)
                _ = try scene.end()
                let found = try samples(scene)
                var arrived: Set<Int> = []
                for (metric, points) in found {
                    let old = points.filter { $0.time <= last }
                    arrived.formUnion(old.map(\.time))
                    #expect(old.isSubset(of: truth[metric] ?? []), "seed \(seed), \(how): a wrong sample of \(metric)")
                }
                let missing = times.subtracting(arrived).count
                let corrupt = Int(try scene.store.newest("martlet_spool_records_total{result=\"corrupt\"}"))
                let aside = Int(try scene.store.newest("martlet_faults_total{kind=\"spool_file_aside\"}"))
                // What is cut off at the very end of the queue leaves no number behind.
                let isEnd = !arrived.contains(last)
                #expect(
                    missing == corrupt || isEnd && (missing >= corrupt),
                    "seed \(seed), \(how): \(missing) missing, \(corrupt) corrupt, \(aside) aside")
                print("seed \(seed), \(how): \(missing) of \(times.count) missing, \(corrupt) counted, \(aside) aside")
            }
        }
    }
}
