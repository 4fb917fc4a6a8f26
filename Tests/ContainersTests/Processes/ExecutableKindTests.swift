import Foundation
import Glibc
import Linux
import TestSupport
import Testing

@testable import Containers

/// Executables made by real compilers, and broken ones.
@Suite struct ExecutableKindTests {
    private static let go = ["/usr/bin/podman", "/usr/bin/containerd", "/usr/sbin/runc", "/usr/bin/prometheus"]
        .first { (path: String) in access(path, R_OK) == 0 }

    private func kind(_ path: String) throws -> ApplicationType? {
        ExecutableKind.detect(try FileDescriptor.open(path))
    }

    /// A C program with a section or a run path like that of another language.
    private func compile(_ source: String, _ arguments: [String] = [], in folder: FixtureDirectory) throws -> String {
        try folder.write("a.c", source + "\nint main(void) { return 0; }\n")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["clang", "-o", folder.path + "/a", folder.path + "/a.c"] + arguments
        try process.run()
        process.waitUntilExit()
        return folder.path + "/a"
    }

    @Test(.enabled(if: go != nil, "no program of Debian that is written in Go is installed")) func golang() throws {
        #expect(try kind(#require(Self.go)) == .golang)
    }

    @Test func rust() throws {
        let folder = try FixtureDirectory()
        let path = try compile(#"__asm__(".section .comment\n.string \"rustc version 1.70\"\n.text");"#, in: folder)
        #expect(try kind(path) == .rust)
    }

    @Test(arguments: ["--enable-new-dtags", "--disable-new-dtags"]) func dotnet(tags: String) throws {
        let folder = try FixtureDirectory()
        let path = try compile("", ["-Wl,\(tags),-rpath,$ORIGIN/netcoredeps"], in: folder)
        #expect(try kind(path) == .dotnet)
        #expect(try kind(compile("", ["-Wl,-rpath,$ORIGIN/netcoredeps2"], in: folder)) == nil)
    }

    @Test func others() throws {
        let folder = try FixtureDirectory()
        #expect(try kind(compile("", in: folder)) == nil)
        #expect(try kind("/proc/self/exe") == nil)
        #expect(try kind("/dev/null") == nil)
        #expect(try kind("/etc/passwd") == nil)
    }

    /// Every byte of the header and of the section table replaced: some answer, no crash.
    @Test func brokenFiles() throws {
        let folder = try FixtureDirectory()
        let path = try compile(#"__asm__(".section .comment\n.string \"rustc version 1.70\"\n.text");"#, in: folder)
        let good = try SmallFile.bytes(path)
        let table = good[40..<48].reversed().reduce(0) { $0 << 8 | Int($1) }
        func check(_ bytes: [UInt8]) throws {
            try Data(bytes).write(to: URL(fileURLWithPath: folder.path + "/b"))
            _ = try kind(folder.path + "/b")
        }
        for index in Array(0..<64) + Array(table..<good.count) {
            for value in [0, 0x7F, 0xFF] as [UInt8] {
                var bad = good
                bad[index] = value
                if index % 8 == 7 { bad[index - 1] = value }
                try check(bad)
            }
        }
        for length in [0, 3, 63, 64, 65, table, table + 1, good.count - 1] { try check(Array(good[..<length])) }
    }
}
