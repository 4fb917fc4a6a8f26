import Foundation
import Linux
import Testing

@testable import Host

struct NamespaceTests {
    /// A child in a namespace of its own that has run `setup`.
    private static func child(_ kind: String, _ setup: String = "true") throws -> Shell {
        let tree = try TemporaryTree()
        let child = try Shell("exec unshare --\(kind) sh -c '\(setup); echo > \(tree.path)/ready; exec sleep 60'")
        try #require(Shell.until { FileManager.default.fileExists(atPath: tree.path + "/ready") })
        return child
    }

    private static let canUnshare = geteuid() == 0 && access("/usr/bin/unshare", X_OK) == 0

    @Test(.enabled(if: canUnshare)) func entersAndLeavesANetworkNamespace() throws {
        let child = try Self.child(
            "net",
            "ip link set lo up; ip addr add 198.51.100.7/24 dev lo; ip addr add 2001:db8::7/64 dev lo nodad; "
                + "ip addr add 169.254.3.4/16 dev lo; ip addr add fe80::7/64 dev lo nodad")
        let own = try NetworkNamespace.inode(pid: getpid())
        let other = try NetworkNamespace.inode(pid: child.pid)
        #expect(own != other)
        let inside = try NetworkNamespace.run(inNetworkNamespaceOf: child.pid) { () throws(Errno) -> UInt64 in
            var status = stat()
            guard stat("/proc/thread-self/ns/net", &status) == 0 else { throw Errno.last }
            return UInt64(status.st_ino)
        }
        #expect(inside == other)
        #expect(try NetworkNamespace.inode(pid: getpid()) == own)

        let addresses = try NetworkNamespace.localAddresses(pid: child.pid)
        let texts = addresses.map { "\($0.address) \($0.isLoopback)" }
        #expect(Set(texts) == ["127.0.0.1 true", "::1 true", "198.51.100.7 false", "2001:db8::7 false"])
    }

    @Test(.enabled(if: canUnshare)) func entersAUTSNamespace() throws {
        let child = try Self.child("uts", "hostname martlet-other")
        let name = try Namespace.uts.run(of: child.pid) { () throws(Errno) -> String in
            var names = utsname()
            guard uname(&names) == 0 else { throw Errno.last }
            return withUnsafeBytes(of: &names.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        #expect(name == "martlet-other")
        #expect(HostInfo.read().hostname != "martlet-other")
    }

    @Test(.enabled(if: canUnshare)) func errorsOfTheBodyComeBack() throws {
        let child = try Self.child("net")
        #expect(throws: Errno.timedOut) {
            try NetworkNamespace.run(inNetworkNamespaceOf: child.pid) { () throws(Errno) -> Int in throw .timedOut }
        }
        #expect(throws: Errno.notFound) {
            try NetworkNamespace.run(inNetworkNamespaceOf: Int32.max) { () throws(Errno) -> Int in 1 }
        }
    }

    @Test func ownAddresses() throws {
        let addresses = try NetworkNamespace.localAddresses(pid: getpid())
        #expect(addresses.allSatisfy { !$0.address.isLinkLocalUnicast && !$0.address.isMulticast })
    }

    @Test func linksOfThisNamespace() throws {
        var socket = try RouteSocket()
        let links = try socket.links()
        let names = try FileManager.default.contentsOfDirectory(atPath: "/sys/class/net")
        #expect(Set(links.map(\.name)).isSuperset(of: names.filter { $0 == "lo" }))
        // The same socket answers again.
        let loopback = try socket.links().filter { $0.name == "lo" }
        #expect(loopback.map(\.hardwareType) == [772])
        #expect(NetworkInterface.reported(loopback).isEmpty)
        _ = try socket.addresses()
    }

    @Test func cgroupNamespace() throws {
        // The tests run beside pid 1, or in a container: either way this must not fail.
        if !CgroupNamespace.isPrivate() { #expect(try CgroupNamespace.base() == nil) }
    }
}
