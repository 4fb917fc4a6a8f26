import Foundation
import Linux
import Testing

@testable import Host

struct FileSystemProbeTests {
    /// One mount of a process.
    private static func mount(_ point: String, pid: Int32) throws -> MountTable.Mount {
        let table = try MountTable.read(pid: pid, wanted: Set(0..<100_000))
        return try #require(table.mounts.values.filter { $0.point == point }.max { $0.id < $1.id })
    }

    private static func answer(
        _ probe: FileSystemProbe, _ requests: [FileSystemProbe.Request], for mount: MountTable.Mount
    ) -> FileSystemUsage? {
        var usage: FileSystemUsage?
        _ = Shell.until {
            usage = probe.ask(requests, refresh: true)[mount.id]
            return usage != nil
        }
        return usage
    }

    private static let canMount = geteuid() == 0 && access("/dev/fuse", R_OK) == 0

    /// A volume below a FUSE file system: right while that answers, then absent, and nobody else waits.
    @Test(.enabled(if: canMount, "needs root and /dev/fuse")) func aSilentFileSystemHoldsNobodyUp() throws {
        let tree = try TemporaryTree(["fuse/keep": "", "source/keep": ""])
        // As the kernel spells it.
        let path = URL(fileURLWithPath: tree.path).standardizedFileURL.path
        let helper = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "SystemTests/Helpers/silent_fuse.py").path
        let flag = tree.path + "/silent"
        let child = try Shell(
            "exec python3 \(helper) \(path)/fuse \(path)/source \(flag) own > \(tree.path)/log 2>&1")
        let log = { (try? String(contentsOfFile: tree.path + "/log", encoding: .utf8)) ?? "" }
        try #require(Shell.until { log().contains("ready") }, "\(log())")

        let root = try Self.mount("/", pid: child.pid)
        let volume = try Self.mount(path + "/fuse/volume", pid: child.pid)
        #expect(volume.gate != volume.device && volume.gate.major == 0)
        let probe = FileSystemProbe(deadline: 200_000_000, pause: 100_000_000)
        let requests = [root, volume].map { FileSystemProbe.Request(mount: $0, pid: child.pid) }
        var space = statvfs()
        #expect(statvfs("/", &space) == 0)
        #expect(Self.answer(probe, requests, for: root)?.size == UInt64(space.f_blocks) * UInt64(space.f_frsize))
        #expect(Self.answer(probe, requests, for: volume)?.size ?? 0 > 0)

        try "".write(toFile: flag, atomically: true, encoding: .utf8)
        usleep(200_000)
        #expect(Shell.until { probe.ask(requests, refresh: true)[volume.id] == nil })
        #expect(probe.hangs == 1)
        // Each question is answered at once, the other file system still has its values, and there is one thread that waits.
        let begin = MonotonicClock.now()
        for _ in 0..<50 {
            #expect(probe.ask(requests, refresh: true)[root.id] != nil)
            usleep(10_000)
        }
        #expect(MonotonicClock.now() - begin < 5_000_000_000)
        #expect(probe.hungCalls == 1)
        #expect(probe.hangs == 1)
        #expect(probe.refused == 0)

        // Its end lets the call return.
        child.kill()
        #expect(
            Shell.until {
                _ = probe.ask(requests, refresh: false)
                return probe.hungCalls == 0
            })
    }

    /// A process or a mount that is not there any more has no values, and does not stop the others.
    @Test func whatIsGoneIsMissing() throws {
        let root = try Self.mount("/", pid: getpid())
        let other = MountTable.Mount(
            id: root.id + 1, device: DeviceNumber(major: 255, minor: 9), root: "/", point: "/", gate: root.gate)
        let probe = FileSystemProbe()
        let requests = [
            FileSystemProbe.Request(mount: other, pid: getpid()), FileSystemProbe.Request(mount: root, pid: getpid()),
        ]
        #expect(Self.answer(probe, requests, for: root) != nil)
        #expect(probe.ask(requests, refresh: false)[other.id] == nil, "another device is mounted there")
    }
}
