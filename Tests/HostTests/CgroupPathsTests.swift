import Glibc
import Linux
import Testing

@testable import Host

struct CgroupPathsTests {
    private static func parse(_ text: String, base: CgroupPaths? = nil) -> CgroupPaths {
        CgroupPaths.parse(Array(text.utf8), base: base)
    }

    @Test func hybrid() {
        let paths = Self.parse(
            """
            9:name=systemd:/system.slice/a.service
            4:memory:/docker/m
            3:cpu,cpuacct:/docker/c
            2:blkio:/
            1:cpuset:/elsewhere
            0::/docker/two:with:colons

            """)
        #expect(paths.cpu == "/docker/c")
        #expect(paths.cpuacct == "/docker/c")
        #expect(paths.memory == "/docker/m")
        #expect(paths.blkio == nil)
        #expect(paths.systemd == "/system.slice/a.service")
        #expect(paths.v2 == "/docker/two:with:colons")
        #expect(paths.id == "/docker/two:with:colons")
        #expect(!paths.isDeleted)
    }

    @Test func choiceOfTheID() {
        #expect(Self.parse("1:cpu:/kubepods/x\n0::/y\n").id == "/kubepods/x")
        #expect(Self.parse("1:cpu:/c\n2:memory:/kubepods.slice/x\n0::/y\n").id == "/kubepods.slice/x")
        #expect(Self.parse("1:cpu:/c\n2:memory:/m\n0::/y\n").id == "/y")
        #expect(Self.parse("1:cpu:/c\n2:memory:/m\n0::/\n").id == "/c")
        #expect(Self.parse("1:cpu:/\n2:memory:/m\n0::/init.scope\n").id == "/m")
        #expect(Self.parse("1:cpu:/\n2:memory:/\n3:name=systemd:/s\n0::/\n").id == "/s")
        #expect(Self.parse("0::/\n").id == nil)
    }

    @Test func containersOfLXCAreCut() {
        #expect(Self.parse("0::/lxc.payload.web/system.slice/nginx.service\n").id == "/lxc.payload.web")
        #expect(Self.parse("0::/lxc.payload.web\n").id == "/lxc.payload.web")
    }

    @Test func deletedCgroups() {
        let paths = Self.parse("0::/system.slice/a.service (deleted)\n")
        #expect(paths.isDeleted)
        #expect(paths.v2 == "/system.slice/a.service")
    }

    @Test func privateNamespace() {
        var base = CgroupPaths()
        base.v2 = "/kubepods.slice/pod1/agent"
        base.cpu = "/"
        let paths = Self.parse("1:cpu:/x\n2:memory:/m\n0::/../../pod2/app\n", base: base)
        #expect(paths.v2 == "/kubepods.slice/pod2/app")
        #expect(paths.cpu == "/x")
        #expect(paths.memory == "/m")
        #expect(Self.parse("0::/\n", base: base).v2 == "/kubepods.slice/pod1/agent")
        #expect(Self.parse("0::/../../../init.scope\n", base: base).v2 == nil)
        #expect(CgroupPaths.join("/../../../../a", onto: "/b/c") == "/a")
        #expect(CgroupPaths.join("/", onto: "/") == "/")
        #expect(CgroupNamespace.liesOutside(Array("1:cpu:/\n0::/../..\n".utf8)))
        #expect(!CgroupNamespace.liesOutside(Array("1:cpu:/\n0::/init.scope\n".utf8)))
    }

    @Test func garbageIsSkipped() {
        let paths = Self.parse("\nnonsense\n::\n1:cpu\n:cpu:/a\n2:cpu:relative\n3:memory:/m\n")
        #expect(paths.cpu == nil)
        #expect(paths.memory == "/m")
    }

    @Test func readsThisProcess() throws {
        _ = try CgroupPaths.read(pid: getpid())
        #expect(throws: Errno.notFound) { try CgroupPaths.read(pid: Int32.max) }
    }
}
