import Foundation
import Logs
import Testing

@testable import LogFiles

@Suite struct LogSourcesTests {
    @Test func rejoinsLinesOfKubernetes() throws {
        let scene = try LogScene()
        scene.container("0.log", format: .cri)
        try scene.append(
            "0.log",
            """
            2026-01-01T00:00:00.5Z stdout P INFO a
            2026-01-01T00:00:00.6Z stderr F ERROR between
            2026-01-01T00:00:00.7Z stdout P  long
            2026-01-01T00:00:00.8Z stdout F  line

            """)
        scene.targets[0].isNew = false
        scene.start()
        scene.read()
        #expect(scene.sink.taken == 0)
        scene.kill()
        scene.targets[0].isNew = true
        scene.start()
        scene.read(seconds: 2.2)
        // They are older than the agent.
        #expect(scene.sink.taken == 0)
        let now = "2126-01-01T00:00:0"
        try scene.append(
            "0.log",
            "\(now)1Z stdout P INFO a\n\(now)2Z stderr F ERROR between\n\(now)3Z stdout P  long\n\(now)4Z stdout F  line\nno line of a runtime\n"
        )
        scene.read(seconds: 2.2)
        #expect(Set(scene.sink.bodies) == ["INFO a long line", "ERROR between"])
        #expect(scene.sink.records.first { $0.stream == .stderr }?.level == .error)
        #expect(scene.drops.all()["log_malformed_lines"] == 1)
    }

    @Test func aLinkOfKubernetesToDockersFileIsOfDocker() throws {
        let scene = try LogScene()
        scene.container("pods.log", format: .cri)
        try scene.directory.link("root/pods.log", to: "/x-json.log")
        try scene.append(
            "x-json.log", #"{"log":"hello\n","stream":"stdout","time":"2126-01-01T00:00:00Z"}"# + "\n")
        scene.start()
        scene.read(seconds: 2.2)
        #expect(scene.sink.bodies == ["hello"])
    }

    @Test func countsPatterns() throws {
        let scene = try LogScene()
        scene.settings.patternExtractionLimit = 10
        scene.container("a.log")
        var text = ""
        for index in 0..<30 { text += "ERROR cannot reach host \(index)\n" }
        text += "INFO fine\nno level here\n"
        try scene.append("a.log", text)
        scene.start()
        scene.read(seconds: 1.3)
        let reading = try #require(scene.sources?.changes().first)
        #expect(reading.containerID == "/docker/a.log")
        #expect(reading.source == "stdout/stderr")
        let counts = reading.patterns.map { "\($0.level) \($0.hash.prefix(3)) \($0.sample) \($0.count)" }
        let hash = try #require(reading.patterns.first?.hash.prefix(3))
        #expect(
            counts == [
                "error \(hash) ERROR cannot reach host 0 10", "error 111 event was sampled 20", "info   1",
                "unknown   1",
            ])
        #expect(scene.sources?.changes().isEmpty == true)
        // What is sampled goes out all the same.
        #expect(scene.sink.records.filter { $0.pattern == String(repeating: "1", count: 32) }.count == 20)
    }

    @Test func theFileWaitsWhileTheSinkIsFull() throws {
        let scene = try LogScene()
        scene.container("a.log")
        try scene.append("a.log", numbered(0..<100_000))
        scene.sink.limit(10)
        scene.start()
        scene.read()
        for _ in 0..<20 { _ = scene.sources?.poll() }
        let taken = Int(scene.sink.taken)
        // One read more than asked for, not all.
        #expect(taken > 10 && taken < 10_000)
        scene.sink.limit(.max)
        scene.read(seconds: 2.2)
        #expect(difference(scene.sink.bodies, lines(0..<100_000)) == nil)
    }

    @Test func followsFilesThatProcessesWrite() throws {
        let scene = try LogScene()
        try FileManager.default.createDirectory(atPath: scene.path("srv/app/logs"), withIntermediateDirectories: true)
        let pid = UInt32(getpid())
        try scene.directory.write("proc/\(pid)/fd/x", "")
        try scene.directory.link("proc/\(pid)/root", to: scene.root)
        try scene.directory.link("proc/\(pid)/fd/3", to: "/var/log/app/a.log")
        try scene.directory.write("proc/\(pid)/fdinfo/3", "pos:\t0\nflags:\t02100001\n")
        try scene.directory.link("proc/\(pid)/fd/4", to: "/var/log/app/read.log")
        try scene.directory.write("proc/\(pid)/fdinfo/4", "pos:\t0\nflags:\t0100000\n")
        try scene.directory.link("proc/\(pid)/fd/5", to: "/var/log/pods/x/0.log")
        try scene.directory.write("proc/\(pid)/fdinfo/5", "pos:\t0\nflags:\t01\n")
        try scene.directory.write("root/var/log/app/a.log", numbered(0..<1))
        try scene.directory.write("root/var/log/app/read.log", numbered(1..<2))
        try scene.directory.write("root/var/log/pods/x/0.log", numbered(2..<3))
        try scene.directory.write("root/srv/app/logs/web.out", numbered(3..<4))
        try scene.directory.write("root/srv/app/logs/.hidden", numbered(4..<5))
        scene.settings.paths = [try #require(LogPathRule("/docker/*=/srv/*/logs/*"))]
        var target = LogTarget(containerID: "/docker/x", serviceName: "/docker/x")
        target.processes = [pid]
        target.isNew = true
        scene.targets = [target]
        scene.start()
        scene.read(seconds: 1.5)
        #expect(Set(scene.sink.records.map(\.source)) == ["/var/log/app/a.log", "/srv/app/logs/web.out"])
        #expect(Set(scene.sink.bodies) == Set(lines(0..<1) + lines(3..<4)))
    }

    @Test func hidesSecrets() throws {
        let scene = try LogScene()
        scene.settings.redaction = [.token, .email, .card]
        scene.container("a.log")
        try scene.append("a.log", "ERROR no user a.b@example.com with password=hunter2 and 4111 1111 1111 1111\n")
        scene.start()
        scene.read(seconds: 1.3)
        #expect(scene.sink.bodies == ["ERROR no user [email] with password=[token] and [card]"])
        #expect(scene.sources?.changes().first?.patterns.first?.sample == scene.sink.bodies.first)
    }
}
