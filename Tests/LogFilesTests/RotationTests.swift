import Foundation
import Logs
import Testing

@testable import LogFiles

/// Files that are rotated in every way while they are read: each line once, in order.
@Suite struct RotationTests {
    @Test func readsWhatIsAppended() throws {
        let scene = try LogScene()
        try scene.append("a.log", numbered(0..<3))
        scene.container("a.log")
        scene.start()
        scene.read()
        try scene.append("a.log", numbered(3..<5) + "2026-01-01 00:00:00 INFO not yet")
        scene.read(seconds: 1.6)
        #expect(difference(scene.sink.bodies, lines(0..<5)) == nil)
        try scene.append("a.log", " complete\n")
        scene.read(seconds: 2.2)
        #expect(difference(scene.sink.bodies, lines(0..<5) + ["2026-01-01 00:00:00 INFO not yet complete"]) == nil)
        #expect(scene.sink.records.allSatisfy { $0.source == "stdout/stderr" && $0.level == .info })
    }

    @Test func readsFromTheEndOfAnOldContainersFile() throws {
        let scene = try LogScene()
        try scene.append("a.log", numbered(0..<3) + "the rest of this li")
        scene.container("a.log", isNew: false)
        scene.start()
        scene.read()
        try scene.append("a.log", "ne\n" + numbered(3..<5))
        scene.read(seconds: 2.2)
        #expect(difference(scene.sink.bodies, lines(3..<5)) == nil)
        #expect(scene.drops.all().isEmpty)
    }

    @Test func noticesAFileOfTheSameLength() throws {
        let scene = try LogScene()
        scene.container("a.log")
        try scene.append("a.log", numbered(10..<40))
        scene.start()
        scene.read(seconds: 1.2)
        Thread.sleep(forTimeInterval: 0.01)
        try scene.copyAndTruncate("a.log", to: "a.log.1")
        try scene.append("a.log", numbered(40..<70))
        scene.read(seconds: 2.5)
        #expect(difference(scene.sink.bodies, lines(10..<70)) == nil)
    }

    /// Emptied and written again several times, each time found empty or not at all.
    @Test func noticesFilesThatWereEmptiedUnseen() throws {
        let scene = try LogScene()
        scene.container("a.log")
        try scene.append("a.log", numbered(0..<100))
        scene.start()
        scene.read(seconds: 1.2)
        var next = 100
        for round in 0..<4 {
            for number in [3, 2, 1] where FileManager.default.fileExists(atPath: scene.path("a.log.\(number)")) {
                try scene.rename("a.log.\(number)", "a.log.\(number + 1)")
            }
            try scene.append("a.log", numbered(next..<next + 100))
            next += 100
            Thread.sleep(forTimeInterval: 0.02)
            try scene.copyAndTruncate("a.log", to: "a.log.1")
            // Seen empty, by this agent or the one before.
            if round % 2 == 0 { scene.read(seconds: 1.2) }
            if round == 2 {
                scene.kill()
                scene.start()
            }
        }
        try scene.append("a.log", numbered(next..<next + 100))
        scene.read(seconds: 3)
        #expect(difference(scene.sink.bodies, lines(0..<next + 100)) == nil)
        #expect(scene.faults.all().isEmpty)
    }

    enum Kind: CaseIterable { case rename, renameTwice, copyAndTruncate, copyAndTruncateTwice, delete, dates }

    @Test(arguments: Kind.allCases) func losesAndRepeatsNothing(_ kind: Kind) throws {
        let scene = try LogScene()
        scene.container("a.log")
        try scene.append("a.log", numbered(0..<1))
        scene.start()
        var next = 1
        func write(_ count: Int) throws {
            try scene.append("a.log", numbered(next..<next + count))
            next += count
        }
        for round in 0..<3 {
            try write(100)
            scene.read()
            // Not read before the rotation.
            try write(50)
            try rotate(kind, scene, round, write)
            try write(10)
            scene.read(seconds: 1.3)
        }
        scene.read(seconds: 2.2)
        #expect(difference(scene.sink.bodies, lines(0..<next)) == nil)
        #expect(scene.faults.all().isEmpty)
    }

    private func rotate(_ kind: Kind, _ scene: LogScene, _ round: Int, _ write: (Int) throws -> Void) throws {
        func shift() throws {
            for number in [3, 2, 1] where FileManager.default.fileExists(atPath: scene.path("a.log.\(number)")) {
                try scene.rename("a.log.\(number)", "a.log.\(number + 1)")
            }
        }
        switch kind {
        case .rename, .renameTwice:
            for _ in 0..<(kind == .rename ? 1 : 2) {
                Thread.sleep(forTimeInterval: 0.01)
                try shift()
                try scene.rename("a.log", "a.log.1")
                try write(20)
            }
        case .copyAndTruncate, .copyAndTruncateTwice:
            for _ in 0..<(kind == .copyAndTruncate ? 1 : 2) {
                Thread.sleep(forTimeInterval: 0.01)
                try shift()
                try scene.copyAndTruncate("a.log", to: "a.log.1")
                try write(20)
            }
        case .delete: try scene.remove("a.log")
        case .dates: try scene.rename("a.log", "a.log-2026010\(round + 1)")
        }
    }

    @Test func readsWhatIsWrittenToARenamedFile() throws {
        let scene = try LogScene()
        scene.container("a.log")
        try scene.append("a.log", numbered(0..<10))
        scene.start()
        scene.read()
        try scene.rename("a.log", "a.log.1")
        scene.read(seconds: 1.2)
        // The program has not noticed yet, and writes a line in two parts.
        try scene.append("a.log.1", numbered(10..<20) + "2026-01-01 00:00:00 INFO li")
        scene.read(seconds: 0.3)
        try scene.append("a.log.1", "ne 20\n")
        try scene.append("a.log", numbered(21..<30))
        scene.read(seconds: 3.5)
        #expect(difference(scene.sink.bodies, lines(0..<30)) == nil)
    }

    @Test func countsATruncationWithoutACopy() throws {
        let scene = try LogScene()
        scene.container("a.log")
        try scene.append("a.log", numbered(0..<10))
        scene.start()
        scene.read()
        try scene.truncate("a.log")
        try scene.append("a.log", numbered(10..<40))
        scene.read(seconds: 2.2)
        #expect(difference(scene.sink.bodies, lines(0..<40)) == nil)
        #expect(scene.faults.all()["log_truncated"] == 1)
    }

    @Test func aFileThatComesLaterIsReadFromItsFirstLine() throws {
        let scene = try LogScene()
        scene.container("a.log", isNew: false)
        scene.start()
        scene.read()
        try scene.append("a.log", numbered(0..<10))
        scene.read(seconds: 3.2)
        #expect(difference(scene.sink.bodies, lines(0..<10)) == nil)
    }

    @Test func readsAnEndedContainerToItsEnd() throws {
        let scene = try LogScene()
        scene.container("a.log")
        try scene.append("a.log", numbered(0..<10))
        scene.start()
        scene.read()
        try scene.append("a.log", numbered(10..<20) + "no line end")
        scene.targets = []
        scene.sources?.update([])
        scene.read(seconds: 2.5)
        #expect(difference(scene.sink.bodies, lines(0..<19) + [lines(19..<20)[0] + "\nno line end"]) == nil)
    }
}
