import Linux
import TestSupport
import Testing

@testable import Containers

private let id = String(repeating: "ab", count: 32)
private let store = "/var/lib/containers/storage/overlay-containers"

@Suite struct PodmanStateTests {
    static let containers = #"""
        [{"id": "0000", "names": ["other"], "metadata": "{\"image-name\":\"x\",\"name\":\"other\"}"},
         {"id": "\#(id)", "names": ["web"], "image": "93d1", "layer": "l",
          "metadata": "{\"image-name\":\"localhost/bb:1\",\"image-id\":\"93d1\",\"name\":\"web\",\"created-at\":1}"}]
        """#

    @Test func containersFile() {
        let found = PodmanState.parse(Array(Self.containers.utf8), id: id)
        #expect(found?.name == "web")
        #expect(found?.image == "localhost/bb:1")
        #expect(PodmanState.parse(Array(Self.containers.utf8), id: "absent") == nil)
        #expect(PodmanState.parse(Array(#"[{"id": "a", "metadata": "{bad"}, 1, []]"#.utf8), id: "a")?.name == "")
        #expect(PodmanState.parse([], id: "a") == nil)
    }

    @Test func throughConmon() throws {
        let fixture = try FixtureDirectory()
        let classification = CgroupClassification.classify("/machine.slice/libpod-\(id).scope")
        try fixture.write("root\(store)/\(id)/userdata/config.json", #"{"mounts": [], "annotations": {}}"#)
        try fixture.write("root\(store)/containers.json", Self.containers)
        try fixture.write("root/run/pidfile", "41\n")
        try fixture.process(
            10, "conmon", parent: 1, cgroup: "/machine.slice/libpod-conmon-\(id).scope",
            arguments: [
                "/usr/bin/conmon", "--api-version", "1", "-c", id, "-b", "\(store)/\(id)/userdata", "-p",
                "/run/pidfile",
                "-n", "renamed", "-l", "k8s-file:/var/log/ctr.log",
            ])
        try fixture.process(41, "sh", parent: 10, cgroup: classification.rootPath + "/container")
        let bundle = try #require(
            OCIBundle.find(pid: 41, of: classification, processes: ProcessTable(fixture.path + "/proc")))
        let metadata = try #require(PodmanState.read(id: id, bundle: bundle))
        #expect(metadata.name == "renamed")
        #expect(metadata.image == "localhost/bb:1")
        #expect(metadata.logPath == "/var/log/ctr.log")
        #expect(metadata.initPID == 41)
    }

    @Test func fromTheStoreAlone() throws {
        let fixture = try FixtureDirectory()
        let classification = CgroupClassification.classify("/machine.slice/libpod-\(id).scope")
        try fixture.write("root\(store)/\(id)/userdata/config.json", "{}")
        try fixture.write("root\(store)/volatile-containers.json", Self.containers)
        let bundle = try #require(OCIBundle.find(of: classification, root: RootDirectory(fixture.path + "/root")))
        #expect(PodmanState.read(id: id, bundle: bundle)?.name == "web")
        #expect(PodmanState.read(id: "absent", bundle: bundle) == nil)
    }
}
