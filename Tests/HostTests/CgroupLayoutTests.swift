import Testing

@testable import Host

struct CgroupLayoutTests {
    private static func detect(
        _ mountinfo: String, cgroups: String = "", root: String = "/sys/fs/cgroup"
    ) throws -> CgroupLayout {
        let tree = try TemporaryTree(["mountinfo": mountinfo, "cgroup": cgroups])
        return try CgroupLayout.detect(
            root: root, mountinfo: tree.path + "/mountinfo", cgroups: tree.path + "/cgroup")
    }

    @Test func pureVersion2() throws {
        let layout = try Self.detect(
            "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n", cgroups: "0::/\n")
        #expect(layout.mode == .v2)
        #expect(layout.v2Mount == "/sys/fs/cgroup")
        #expect(layout.v1Mount(of: .cpu) == nil)
        #expect(layout.hierarchyID(of: .memory) == nil)
    }

    @Test func hybridWithControllersMountedTogether() throws {
        let layout = try Self.detect(
            """
            31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
            32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 master:1 - cgroup cgroup rw,cpu,cpuacct
            33 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
            34 31 0:35 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
            35 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
            36 31 0:38 / /elsewhere rw - cgroup2 cgroup2 rw

            """, cgroups: "9:name=systemd:/\n4:memory:/x\n2:cpu,cpuacct:/\n0::/\n")
        #expect(layout.mode == .hybrid)
        #expect(layout.v2Mount == "/sys/fs/cgroup/unified")
        #expect(layout.v1Mount(of: .cpu) == "/sys/fs/cgroup/cpu,cpuacct")
        #expect(layout.v1Mount(of: .cpuacct) == "/sys/fs/cgroup/cpu,cpuacct")
        #expect(layout.v1Mount(of: .systemd) == "/sys/fs/cgroup/systemd")
        #expect(layout.v1Mount(of: .blkio) == nil)
        #expect(layout.hierarchyID(of: .cpuacct) == 2)
        #expect(layout.hierarchyID(of: .memory) == 4)
        #expect(layout.hierarchyID(of: .systemd) == 9)
    }

    @Test func version1BelowAnotherRoot() throws {
        let layout = try Self.detect(
            """
            32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
            33 31 0:29 / /host/sys\\040fs/cgroup/cpu rw - cgroup cgroup rw,cpu

            """, root: "/host/sys fs/cgroup/")
        #expect(layout.mode == .v1)
        #expect(layout.v2Mount == nil)
        #expect(layout.v1Mount(of: .cpu) == "/host/sys fs/cgroup/cpu")
    }

    @Test func errorsNameThePlace() throws {
        #expect(throws: CgroupLayout.Failure.noHierarchy(root: "/sys/fs/cgroup")) {
            try Self.detect("garbage\n\n1 2 3 4 5 6 - cgroup\n1 2 3 / /sys/fs/cgroupx rw - cgroup2 c rw\n")
        }
        #expect(throws: CgroupLayout.Failure.unreadable(path: "/nonexistent", .notFound)) {
            try CgroupLayout.detect(mountinfo: "/nonexistent")
        }
        #expect(CgroupLayout.Failure.noHierarchy(root: "/x").description.contains("/x"))
    }

    @Test func thisMachine() throws {
        let layout = try CgroupLayout.detect()
        #expect(layout.v2Mount != nil || layout.v1Mount(of: .memory) != nil)
    }
}
