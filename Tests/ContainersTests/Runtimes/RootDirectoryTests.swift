import Foundation
import Linux
import TestSupport
import Testing

@testable import Containers

@Suite struct RootDirectoryTests {
    @Test func linksStayBelowTheRoot() throws {
        let fixture = try FixtureDirectory()
        try fixture.write("run/docker.sock", "inside")
        try fixture.write("etc/hostname", "inside")
        try fixture.link("var/run", to: "/run")
        try fixture.link("up", to: "../../../../../../etc/hostname")
        try fixture.link("a/b/relative", to: "../../run/docker.sock")
        try fixture.link("loop", to: "/loop")
        let root = RootDirectory(fixture.path)
        func text(_ path: String) -> String? {
            (try? root.bytes(path, limit: 100)).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(text("/var/run/docker.sock") == "inside")
        #expect(text("/up") == "inside")
        #expect(text("/a/b/relative") == "inside")
        #expect(text("/../../etc/hostname") == "inside")
        #expect(text("//run/./docker.sock") == "inside")
        #expect(throws: Errno(ELOOP)) { _ = try root.bytes("/loop", limit: 100) }
        #expect(throws: Errno.notFound) { _ = try root.bytes("/absent/x", limit: 100) }
        #expect(throws: Errno.tooLarge) { _ = try root.bytes("/etc/hostname", limit: 3) }
        #expect(throws: Errno(EINVAL)) { _ = try root.bytes("/etc", limit: 100) }
        #expect(throws: Errno.self) { _ = try root.bytes("", limit: 100) }
        #expect(try root.names("/var/run", limit: 10) == ["docker.sock"])
    }

    @Test func pipesDoNotBlock() throws {
        let fixture = try FixtureDirectory()
        #expect(mkfifo(fixture.path + "/pipe", 0o600) == 0)
        #expect(throws: Errno(EINVAL)) { _ = try RootDirectory(fixture.path).bytes("/pipe", limit: 100) }
    }

    @Test func anUnreadableRootIsReplaced() {
        #expect(RootDirectory.readable("/absent-root").path == "/")
        #expect(RootDirectory.readable("/tmp").path == "/tmp")
    }
}
