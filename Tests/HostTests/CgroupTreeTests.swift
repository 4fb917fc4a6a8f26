import Foundation
import Linux
import Testing

@testable import Host

struct CgroupTreeTests {
    @Test func boundsDepthAndNumber() throws {
        let tree = try TemporaryTree(["a/b/c/file": "", "a/d/file": "", "e/file": ""])
        let all = try CgroupTree.list(mount: tree.path)
        #expect(all.entries.map(\.path).sorted() == ["/", "/a", "/a/b", "/a/b/c", "/a/d", "/e"])
        #expect(!all.isTruncated)
        let shallow = try CgroupTree.list(mount: tree.path, maximumDepth: 1)
        #expect(shallow.entries.map(\.path).sorted() == ["/", "/a", "/e"])
        #expect(shallow.isTruncated)
        let few = try CgroupTree.list(mount: tree.path, limit: 3)
        #expect(few.entries.count == 3)
        #expect(few.isTruncated)
        #expect(throws: Errno.notFound) { try CgroupTree.list(mount: tree.path + "/none") }
    }

    @Test(.enabled(if: RealCgroup.isPossible)) func idsAreTheInodes() throws {
        let layout = try CgroupLayout.detect()
        let cgroup = try RealCgroup(layout)
        for mount in cgroup.mounts {
            let entry = try CgroupTree.list(mount: mount).entries.first { $0.path == cgroup.path }
            let attributes = try FileManager.default.attributesOfItem(atPath: mount + cgroup.path)
            #expect(entry?.id == (attributes[.systemFileNumber] as? NSNumber)?.uint64Value)
            #expect(entry?.depth == 1)
        }
    }
}
