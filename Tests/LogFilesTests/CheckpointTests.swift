import Foundation
import Logs
import Testing

@testable import LogFiles

/// An agent that is killed goes on where it was.
@Suite struct CheckpointTests {
    @Test func goesOnWhereEverythingIsSettled() throws {
        let scene = try LogScene(settlesAtOnce: false)
        scene.container("a.log")
        try scene.append("a.log", numbered(0..<100))
        scene.start()
        scene.read(seconds: 1.3)
        #expect(scene.sink.taken == 100)
        scene.sink.settle(100)
        scene.read()
        try scene.append("a.log", numbered(100..<200))
        scene.read(seconds: 2.3)
        #expect(scene.sink.taken == 200)
        // Of the second half nothing is settled: it is read again.
        scene.kill()
        scene.start()
        scene.read(seconds: 1.3)
        #expect(difference(scene.sink.bodies, lines(0..<200) + lines(100..<200)) == nil)
    }

    /// A container that began while no agent ran, or shortly before and was not followed yet, is read from its first line.
    @Test(arguments: [100.0, 90_000]) func whatBeganMeanwhileIsNew(away seconds: Double) throws {
        let scene = try LogScene()
        scene.container("a.log")
        try scene.append("a.log", numbered(0..<100))
        scene.start()
        let began = try #require(scene.sources?.newSince)
        scene.read(seconds: 1.3)
        scene.kill()
        scene.read(seconds: seconds)
        scene.targets[0].isNew = false
        scene.container("b.log", format: .cri)
        // The first agent began at 2027-01-15T08:16:40Z.
        let texts = [
            "08:15:30Z stdout F INFO long before", "08:16:20Z stdout F INFO before",
            "08:17:40Z stdout F INFO meanwhile",
        ]
        try scene.append("b.log", texts.map { "2027-01-15T\($0)\n" }.joined())
        scene.start()
        let since = try #require(scene.sources?.newSince)
        scene.read(seconds: 1.3)
        // What is more than a day old is a checkpoint of nobody's.
        let isRecent = seconds < 86_400
        #expect(isRecent ? since < began && since > began - 60_000_000_000 : since > began + 86_400_000_000_000)
        let expected = lines(0..<100) + (isRecent ? ["INFO before", "INFO meanwhile"] : [])
        #expect(difference(scene.sink.bodies, expected) == nil)
    }

    @Test(arguments: RotationTests.Kind.allCases) func findsWhatWasRotatedMeanwhile(_ kind: RotationTests.Kind) throws {
        let scene = try LogScene()
        scene.container("a.log")
        try scene.append("a.log", numbered(0..<100))
        scene.start()
        scene.read(seconds: 1.3)
        scene.kill()
        try scene.append("a.log", numbered(100..<150))
        Thread.sleep(forTimeInterval: 0.01)
        switch kind {
        case .rename: try scene.rename("a.log", "a.log.1")
        case .renameTwice:
            try scene.rename("a.log", "a.log.2")
            try scene.append("a.log", numbered(150..<170))
            Thread.sleep(forTimeInterval: 0.01)
            try scene.rename("a.log", "a.log.1")
            try scene.append("a.log", numbered(170..<200))
        case .copyAndTruncate: try scene.copyAndTruncate("a.log", to: "a.log.1")
        case .copyAndTruncateTwice:
            try scene.copyAndTruncate("a.log", to: "a.log.2")
            try scene.append("a.log", numbered(150..<170))
            Thread.sleep(forTimeInterval: 0.01)
            try scene.copyAndTruncate("a.log", to: "a.log.1")
            try scene.append("a.log", numbered(170..<200))
        case .dates: try scene.rename("a.log", "a-20260101.log")
        case .delete: try scene.remove("a.log")
        }
        if kind != .renameTwice, kind != .copyAndTruncateTwice { try scene.append("a.log", numbered(150..<200)) }
        scene.start()
        scene.read(seconds: 1.3)
        if kind == .delete {
            // What nobody read is gone, and that is known.
            #expect(difference(scene.sink.bodies, lines(0..<100) + lines(150..<200)) == nil)
            #expect(scene.faults.all()["log_position_lost"] == 1)
        } else {
            #expect(difference(scene.sink.bodies, lines(0..<200)) == nil)
            #expect(scene.faults.all().isEmpty)
        }
    }

    @Test func survivesKillsAtAnyMoment() throws {
        let scene = try LogScene()
        scene.container("a.log")
        var written = 0
        for round in 0..<10 {
            try scene.append("a.log", numbered(written..<written + 500))
            written += 500
            scene.start()
            for _ in 0..<(round % 3) { _ = scene.sources?.poll() }
            scene.kill()
            if round % 4 == 3 {
                Thread.sleep(forTimeInterval: 0.01)
                try scene.rename("a.log", "a.log.\(9 - round / 4)")
            }
        }
        scene.start()
        scene.read(seconds: 3)
        // In order, nothing missing; the message that was open at a kill comes again at most.
        var next = 0
        for body in scene.sink.bodies where body == lines(next..<next + 1)[0] { next += 1 }
        #expect(next == written)
        #expect(scene.sink.taken <= UInt64(written + 10))
    }

    @Test func refusesWhatIsNotWhole() throws {
        let scene = try LogScene()
        var checkpoint = Checkpoint()
        let position = FilePosition(
            identity: .init(device: 1, inode: 2), fingerprint: .init(length: 3, hash: 4), offset: 5, modified: 6)
        checkpoint.files["host:/var/log/a b%\n.log"] = .init(positions: [position, position], seen: 7)
        checkpoint.cursors["/run/log"] = "s=1;i=2"
        let path = scene.path("checkpoint")
        try checkpoint.save(path, at: 1)
        let read = Checkpoint.load(path)
        #expect(read.files["host:/var/log/a b%\n.log"]?.positions == [position, position])
        #expect(read.files.count == 1)
        #expect(read.cursors == ["/run/log": "s=1;i=2"])
        let text = try String(contentsOfFile: path, encoding: .utf8)
        for length in 0..<text.count {
            try text.prefix(length).write(toFile: path, atomically: false, encoding: .utf8)
            let cut = Checkpoint.load(path)
            #expect(cut.files.isEmpty || length == text.count - 1, "\(length)")
        }
    }
}
