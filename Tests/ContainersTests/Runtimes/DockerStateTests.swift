import Linux
import TestSupport
import Testing

@testable import Containers
@testable import Exchange

private let id = String(repeating: "ab", count: 32)

@Suite struct DockerStateTests {
    static let state = """
        {"State": {"Running": true, "Pid": 4711, "StartedAt": "2026-11-23T22:21:37.123456789Z"}, "ID": "\(id)",
         "Config": {"Hostname": "x", "Image": "nginx:1.27", "Env": ["PATH=/bin", "NOMAD_TASK_NAME=t"],
                    "Labels": {"com.example": "yes", "bad": 1}},
         "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"},
                                                  {"HostIp": "::", "HostPort": "8080"}],
                                       "53/udp": [{"HostIp": "", "HostPort": "53"}], "443/tcp": null}},
         "LogPath": "/var/lib/docker/containers/\(id)/\(id)-json.log", "Name": "/web",
         "MountPoints": {"/data": {"Source": "/mnt/data", "Destination": "/data"},
                         "/tmpfs": {"Source": "", "Destination": "/tmpfs"}}}
        """

    @Test func fromDisk() throws {
        let fixture = try FixtureDirectory()
        try fixture.write("data/containers/\(id)/config.v2.json", Self.state)
        let root = RootDirectory(fixture.path)
        let metadata = try #require(DockerState.read(id: id, dataRoots: ["/absent", "/data"], root: root))
        #expect(metadata.name == "web")
        #expect(metadata.image == "nginx:1.27")
        #expect(metadata.labels == ["com.example": "yes"])
        #expect(metadata.environment == ["NOMAD_TASK_NAME": "t"])
        #expect(metadata.mounts == ["/data": "/mnt/data"])
        #expect(metadata.logPath == "/var/lib/docker/containers/\(id)/\(id)-json.log")
        #expect(metadata.publishedPorts.map(\.hostIP) == ["0.0.0.0", "::"])
        #expect(metadata.publishedPorts.first?.hostPort == 8080)
        #expect(metadata.publishedPorts.first?.containerPort == 80)
        #expect(metadata.initPID == 4711)
        #expect(metadata.startedAt == 1_795_472_497)
        #expect(DockerState.read(id: id, dataRoots: [], root: root) == nil)
    }

    @Test func anotherContainersFileIsRefused() throws {
        let fixture = try FixtureDirectory()
        let other = String(repeating: "cd", count: 32)
        try fixture.write("data/containers/\(other)/config.v2.json", Self.state)
        #expect(DockerState.read(id: other, dataRoots: ["/data"], root: RootDirectory(fixture.path)) == nil)
    }

    @Test func wantedPortsBeforeTheGivenOnes() throws {
        let fixture = try FixtureDirectory()
        try fixture.write("data/containers/\(id)/config.v2.json", #"{"ID": "\#(id)", "Name": "/web", "LogPath": ""}"#)
        func ports(_ mode: String) throws -> [UInt16] {
            try fixture.write(
                "data/containers/\(id)/hostconfig.json",
                #"{"NetworkMode": "\#(mode)", "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8099"}]}}"#)
            return DockerState.read(id: id, dataRoots: ["/data"], root: RootDirectory(fixture.path))?
                .publishedPorts.map(\.hostPort) ?? []
        }
        #expect(try ports("bridge") == [8099])
        #expect(try ports("host") == [])
    }

    @Test func fromTheSocket() throws {
        let text = """
            {"Id": "\(id)", "Name": "/web", "Config": {"Image": "nginx:1.27", "Labels": null},
             "HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8089"}]}},
             "Mounts": [{"Type": "bind", "Source": "/mnt/a", "Destination": "/a"}],
             "State": {"Pid": 0, "StartedAt": "0001-01-01T00:00:00Z"}, "LogPath": "/x/local-logs/container.log"}
            """
        let document = try JSONDocument(parsing: Array(text.utf8))
        let metadata = DockerState.metadata(from: document.root)
        #expect(metadata.name == "web")
        #expect(metadata.mounts == ["/a": "/mnt/a"])
        #expect(metadata.publishedPorts == [.init(hostIP: "127.0.0.1", hostPort: 8089, containerPort: 80)])
        #expect(metadata.logPath == "")
        #expect(metadata.initPID == nil)
        #expect(metadata.startedAt == nil)
    }

    @Test(arguments: [
        ("/etc/hostname", "/srv/docker/containers/\(id)/hostname", "/srv/docker"),
        ("/etc/hosts", "/var/lib/docker/containers/\(id)/hosts", "/var/lib/docker"),
        ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf", nil),
        ("/etc/hosts", "/containers/\(id)/hosts", nil), ("/etc/hosts", "/x/containers/short/hosts", nil),
        ("/data", "/var/lib/docker/containers/\(id)/hosts", nil),
    ])
    func dataRoots(_ destination: String, _ source: String, _ expected: String?) {
        #expect(DockerState.dataRoot(mounts: [destination: source]) == expected)
    }

    @Test func dataRootsOfDaemons() throws {
        let fixture = try FixtureDirectory()
        try fixture.process(5, "dockerd", parent: 1, arguments: ["dockerd", "-H", "fd://", "--data-root=/srv/d"])
        try fixture.process(6, "dockerd", parent: 1, arguments: ["dockerd", "--data-root", "/srv/e"])
        try fixture.process(7, "dockerd", parent: 1, arguments: ["dockerd", "--data-root"])
        try fixture.process(8, "sh", parent: 1, arguments: ["dockerd", "--data-root=/srv/no"])
        #expect(Set(DockerState.dataRoots(processes: ProcessTable(fixture.path + "/proc"))) == ["/srv/d", "/srv/e"])
    }

    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2000-02-29T12:00:00Z", 951_825_600), ("2026-11-23T22:21:37.5Z", 1_795_472_497),
        ("2026-11-23T23:21:37+01:00", 1_795_472_497), ("2026-11-23T21:51:37-00:30", 1_795_472_497),
        ("0001-01-01T00:00:00Z", nil), ("2026-11-23T22:21:37", nil), ("2026-13-23T22:21:37Z", nil), ("", nil),
        ("2026-11-23T22:21:37.", nil), ("2026-11-23T22:21:37Zx", nil), ("2026-11-23Tab:21:37Z", nil),
    ])
    func timestamps(_ text: String, _ expected: Int64?) { #expect(Timestamp.seconds(text) == expected) }
}
