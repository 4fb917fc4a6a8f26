import Foundation
import Testing

@testable import NodeAgent

/// What waits stays with its receiver, whatever becomes of the options.
@Suite struct SpoolDirectoriesTests {
    private let parent = FileManager.default.temporaryDirectory.path + "/martlet-test-\(UUID().uuidString)"

    private func assign(_ owners: String...) throws -> [String] {
        let directories = SpoolDirectories(below: parent, owners: owners)
        for directory in directories.assigned {
            try FileManager.default.createDirectory(atPath: directory.path, withIntermediateDirectories: true)
            directory.mark()
        }
        return directories.assigned.map { String($0.path.dropFirst(parent.count + 1)) }
    }

    @Test func receiversKeepTheirs() throws {
        defer { try? FileManager.default.removeItem(atPath: parent) }
        #expect(try assign("remote-write http://a/") == ["metrics"])
        #expect(try assign("remote-write http://b/", "remote-write http://a/") == ["metrics-2", "metrics"])
        #expect(try assign("remote-write http://a/", "remote-write http://b/") == ["metrics", "metrics-2"])
        // A corrected URL gets what waited for the wrong one; OTLP cannot be sent where remote write goes.
        #expect(try assign("remote-write http://a/", "remote-write http://c/") == ["metrics", "metrics-2"])
        #expect(try assign("otlp http://a/") == ["metrics-3"])
        #expect(try assign("otlp http://d/", "remote-write http://e/") == ["metrics-3", "metrics"])
    }

    @Test func namesWhatNobodyWants() throws {
        defer { try? FileManager.default.removeItem(atPath: parent) }
        _ = try assign("remote-write http://a/", "remote-write http://b/")
        try Data().write(to: URL(fileURLWithPath: parent + "/metrics-2/1.seg"))
        #expect(SpoolDirectories(below: parent, owners: ["remote-write http://b/"]).abandoned.isEmpty)
        let left = SpoolDirectories(below: parent, owners: ["remote-write http://a/"]).abandoned
        #expect(left.map(\.owner) == ["remote-write http://b/"])
    }

    /// An agent that knew only one receiver wrote no name.
    @Test func takesOverWhatHasNoName() throws {
        defer { try? FileManager.default.removeItem(atPath: parent) }
        try FileManager.default.createDirectory(atPath: parent + "/metrics", withIntermediateDirectories: true)
        #expect(try assign("remote-write http://a/") == ["metrics"])
    }
}
