import Glibc
import Linux
import TestSupport
import Testing

@testable import GPU

@Suite struct NVMLFileTests {
    private let name = "libnvidia-ml.so.1"

    @Test func firstOfTheList() throws {
        let fixture = try FixtureDirectory()
        let folders = NVMLFile.folders
        let root = RootDirectory(fixture.path)
        #expect(Self.found(root) == nil)
        try fixture.write(String((folders.last ?? "").dropFirst()) + "/" + name, "x")
        if geteuid() != 0 {
            // Only root's files are taken.
            #expect(Self.found(root) == nil)
            return
        }
        #expect(Self.found(root) == "/usr/lib/" + name)
        try fixture.write(String(folders[0].dropFirst()) + "/" + name, "x")
        #expect(Self.found(root) == folders[0] + "/" + name)
    }

    /// Links are followed below the root, not out of it.
    @Test func links() throws {
        let fixture = try FixtureDirectory()
        try fixture.write("opt/real.so", "x")
        try fixture.link("usr/lib64/" + name, to: "/opt/real.so")
        try fixture.link("usr/lib/" + name, to: "/etc/passwd")
        #expect(Self.found(RootDirectory(fixture.path)) == (geteuid() == 0 ? "/usr/lib64/" + name : nil))
    }

    private static func found(_ root: RootDirectory) -> String? {
        guard let file = NVMLFile.find(below: root) else { return nil }
        return file.name
    }
}
