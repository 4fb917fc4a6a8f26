import Foundation
import Linux
import Testing

@testable import Host

struct ProcessTests {
    @Test func scanFindsThisProcessInBatches() throws {
        var scan = try ProcessScan()
        var pids = [Int32]()
        while true {
            let batch = scan.next(atMost: 3)
            #expect(batch.count <= 3)
            if batch.isEmpty { break }
            pids += batch
        }
        #expect(pids.contains(getpid()))
        #expect(pids.contains(1))
        #expect(Set(pids).count == pids.count)
        #expect(scan.next(atMost: 3) == [])
    }

    @Test func readsThisProcess() throws {
        let details = try ProcessDetails.read(getpid())
        #expect(details.parent == getppid())
        #expect(details.arguments.first == CommandLine.arguments.first)
        let now = MonotonicClock.bootTime()
        #expect(details.startTime < now)
        // The test process is younger than this machine, and started some time ago but not longer than a day.
        #expect(now - details.startTime < 86_400_000_000_000)
        #expect(try details.networkNamespace == NetworkNamespace.inode(pid: getpid()))
    }

    @Test func hostileNames() throws {
        let tree = try TemporaryTree()
        let rest = " S 7 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345 100 200\n"
        try tree.write("42/stat", "42 (a) S 1 (\nb))" + rest)
        try tree.write("42/cmdline", "x\u{0}\u{0}last " + String(repeating: "y", count: 10_000))
        let details = try ProcessDetails.read(42, procfs: tree.path)
        #expect(details.command == "a) S 1 (\nb)")
        #expect(details.parent == 7)
        #expect(details.startTime == 12345 * 1_000_000_000 / UInt64(sysconf(Int32(_SC_CLK_TCK))))
        #expect(details.arguments.prefix(2) == ["x", ""])
        #expect(details.arguments.count == 3)
        #expect(details.arguments.joined().utf8.count < ProcessDetails.maximumArgumentBytes)
        #expect(details.networkNamespace == nil)
        for garbage in ["", "42", "42 ()", "42 )(", "42 (a) S", "42 (a) S x", "42 (a) S 1 2 3"] {
            try tree.write("42/stat", garbage)
            #expect(throws: Errno(EBADMSG)) { try ProcessDetails.read(42, procfs: tree.path) }
        }
        let bytes = Array("1 (".utf8) + [0xff, 0xfe] + Array((")" + rest).utf8)
        let invalid = ProcessDetails.Stat.parse(bytes.span.bytes)
        #expect(invalid?.command == "\u{fffd}\u{fffd}")
        #expect(ProcessDetails.arguments([]).isEmpty)
    }

    @Test func vanishedProcess() {
        #expect(throws: Errno.notFound) { try ProcessDetails.read(Int32.max) }
    }

    @Test func selfUsage() {
        let usage = SelfUsage.read()
        #expect(usage.userSeconds + usage.systemSeconds > 0)
        #expect(usage.residentBytes > 1_000_000)
        #expect(usage.openDescriptors >= 3)
    }
}
