import Foundation
import Glibc
import Logs
import Testing

@testable import LogFiles

/// Logs that are not what they seem.
@Suite struct HostileFileTests {
    @Test func cutsALineOfAHundredMegabytes() throws {
        let scene = try LogScene()
        scene.container("a.log")
        try scene.append("a.log", numbered(0..<1))
        let block = Data(repeating: UInt8(ascii: "x"), count: 10 << 20)
        for _ in 0..<10 { try scene.append("a.log", block) }
        try scene.append("a.log", "\n" + numbered(1..<2))
        scene.start()
        scene.read(seconds: 2.3)
        let bodies = scene.sink.bodies
        #expect(bodies.count == 2)
        #expect(
            bodies.first.map { $0.utf8.count == MessageJoiner.limit - 1 || $0.utf8.count <= MessageJoiner.limit }
                == true)
        #expect(bodies.last == lines(1..<2)[0])
        let drops = scene.drops.all()
        let lost = (drops["log_line_too_long_bytes"] ?? 0) + (drops["log_message_too_long_bytes"] ?? 0)
        let kept = bodies.first?.utf8.dropFirst(lines(0..<1)[0].utf8.count + 1).count ?? 0
        #expect(lost + UInt64(kept) == 100 << 20)
    }

    @Test func repairsWhatIsNoUTF8() throws {
        let scene = try LogScene()
        scene.container("a.log")
        try scene.append("a.log", Data([0x61, 0xFF, 0x00, 0x62, 0x0A]))
        scene.start()
        scene.read(seconds: 1.5)
        #expect(scene.sink.bodies == ["a\u{FFFD}\0b"])
        #expect(scene.faults.all()["log_invalid_utf8"] == 1)
    }

    /// Somebody sets the clock while lines wait for others that may belong to them.
    @Test(arguments: [-86_400, -3600, 3600, 86_400]) func aClockThatJumps(seconds: Int64) throws {
        let scene = try LogScene()
        scene.container("a.log")
        scene.container("b.log", format: .cri)
        scene.start()
        for round in 0..<4 {
            try scene.append("a.log", numbered(round..<round + 1))
            try scene.append("b.log", "2027-02-01T00:00:00.5Z stdout F line \(round)\n")
            scene.read()
            scene.setClock(by: round < 2 ? seconds : -seconds)
            // Until the file is found and the message has waited, by the clock that nobody sets.
            scene.read(seconds: 3.5)
            let records = scene.sink.records
            #expect(
                difference(
                    records.filter { $0.containerID == "/docker/a.log" }.map(\.body), lines(0..<round + 1)) == nil)
            #expect(
                records.filter { $0.containerID == "/docker/b.log" }.map(\.body) == (0...round).map { "line \($0)" })
        }
        #expect(scene.drops.all().isEmpty)
        #expect(scene.faults.all().isEmpty)
    }

    @Test func opensNothingButFiles() throws {
        let scene = try LogScene()
        #expect(mkfifo(scene.path("fifo.log"), 0o600) == 0)
        try FileManager.default.createDirectory(atPath: scene.path("dir.log"), withIntermediateDirectories: false)
        scene.container("fifo.log")
        scene.container("dir.log")
        if geteuid() == 0 {
            // An endless device, /dev/zero (1:5): one that was read would never end.
            #expect(mknod(scene.path("zero.log"), S_IFCHR | 0o600, 0x105) == 0)
            scene.container("zero.log")
        }
        scene.start()
        scene.read(seconds: 1.2)
        #expect(scene.sink.taken == 0)
        // Something that is rotated into a FIFO is given up, and waited for.
        scene.container("a.log")
        try scene.append("a.log", numbered(0..<1))
        scene.sources?.update(scene.targets)
        scene.read(seconds: 1.2)
        try scene.rename("a.log", "a.log.1")
        #expect(mkfifo(scene.path("a.log"), 0o600) == 0)
        scene.read(seconds: 1.2)
        #expect(difference(scene.sink.bodies, lines(0..<1)) == nil)
    }

    @Test func staysBelowTheContainersRoot() throws {
        let scene = try LogScene()
        try scene.directory.write("secret.log", numbered(0..<5))
        let pid = UInt32(getpid())
        try scene.directory.write("proc/\(pid)/x", "")
        try scene.directory.link("proc/\(pid)/root", to: scene.root)
        try scene.directory.link("root/var/log/link.log", to: "../../../secret.log")
        try scene.directory.link("root/var/log/up", to: "../../..")
        try scene.directory.write("root/var/log/real.log", numbered(5..<6))
        try scene.directory.link("root/var/log/final.log", to: "real.log")
        try scene.directory.link("root/srv/logs", to: "/var/log")
        let root = try LogRoot(procfs: scene.directory.path + "/proc", pid: pid)
        #expect(throws: (any Error).self) { _ = try root.open("/var/log/link.log").raw }
        #expect(throws: (any Error).self) { _ = try root.open("/var/log/up/secret.log").raw }
        #expect(throws: (any Error).self) { _ = try root.open("/var/log/../../secret.log").raw }
        // A link at the end is refused, one on the way is followed below the root.
        #expect(throws: (any Error).self) { _ = try root.open("/var/log/final.log").raw }
        #expect(try root.open("/srv/logs/real.log").raw >= 0)
        #expect(root.status("/var/log/link.log") == nil)
    }

    @Test func refusesFileSystemsThatKeepNoFiles() throws {
        let root = try LogRoot(procfs: "/proc", pid: UInt32(getpid()))
        #expect(throws: (any Error).self) { _ = try root.open("/proc/kmsg").raw }
        #expect(throws: (any Error).self) { _ = try root.open("/sys/kernel/mm/transparent_hugepage/enabled").raw }
    }

    @Test func boundsAHugeDirectory() throws {
        let scene = try LogScene()
        scene.container("a.log")
        try scene.append("a.log", numbered(0..<1))
        for index in 0..<RotatedFiles.entryLimit + 500 {
            let raw = open(scene.path("f\(index)"), O_CREAT | O_WRONLY, 0o600)
            close(raw)
        }
        scene.start()
        scene.read(seconds: 1.2)
        try scene.rename("a.log", "a.log.1")
        try scene.append("a.log", numbered(1..<2))
        let begin = ContinuousClock.now
        scene.read(seconds: 3.5)
        #expect(ContinuousClock.now - begin < .seconds(4))
        #expect(difference(scene.sink.bodies, lines(0..<2)) == nil)
        #expect(scene.faults.all() == ["log_directory_too_large": 1])
    }

    @Test func readsDockersLocalDriver() throws {
        let scene = try LogScene()
        scene.container("container.log", format: .dockerLocal, isNew: false)
        scene.start()
        scene.read()
        func entry(_ line: String, partial: Bool = false, last: Bool = false) -> Data {
            var message = Data([0x0A, 6]) + Data("stderr".utf8) + Data([0x10, 0x80, 0x80, 0x80, 0x80, 0x20])
            message += Data([0x1A, UInt8(line.utf8.count)]) + Data(line.utf8)
            if partial { message += Data([0x20, 1, 0x2A, 4, 0x08, last ? 1 : 0, 0x18, 1]) }
            let length = withUnsafeBytes(of: UInt32(message.count).bigEndian) { Data($0) }
            return length + message + length
        }
        try scene.append("container.log", entry("ERROR one") + Data([0, 0, 0]) + entry("two"))
        let whole = entry("four")
        try scene.append("container.log", entry("thr", partial: true) + entry("ee", partial: true, last: true))
        try scene.append("container.log", whole.prefix(10))
        scene.read(seconds: 1.3)
        try scene.append("container.log", whole.dropFirst(10))
        scene.read(seconds: 2.5)
        #expect(scene.sink.bodies == ["ERROR one", "two", "three", "four"])
        #expect(scene.sink.records.allSatisfy { $0.stream == .stderr && $0.time == 1 << 33 })
        #expect(scene.drops.all()["log_malformed_bytes"] == 3)
    }
}
