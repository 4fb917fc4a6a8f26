import Testing

@testable import Containers

private let id = "3f6b1e6b0a2e4d8c9a7f5b4c3d2e1f00112233445566778899aabbccddeeff00"
private let other = "00ffeeddccbbaa99887766554433221100f1e2d3c4b5f7a9c8d4e2a0b6e1b6f3"
private let pod = "pod11111111-2222-3333-4444-555555555555"
private let podSlice = "kubepods-burstable-pod11111111_2222_3333_4444_555555555555.slice"

@Suite struct CgroupClassificationTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var path: String
        var kind: RuntimeKind
        var id = ""
        var rule: String
        var root: String?

        var testDescription: String { path }
    }

    static let cases: [Case] = [
        Case(path: "/init", kind: .talos, id: "/talos/init", rule: "talos-init"),
        Case(path: "/init/x", kind: .unknown, rule: "no-rule"),
        Case(path: "/", kind: .standalone, rule: "root"),
        Case(path: "/init.scope", kind: .standalone, rule: "session"),
        Case(path: "/user.slice/user-1000.slice/session-1.scope", kind: .standalone, rule: "session"),
        Case(path: "/systemd/x", kind: .standalone, rule: "session"),
        Case(path: "/docker/\(id)", kind: .docker, id: id, rule: "docker"),
        Case(path: "/docker/\(id)/init.scope", kind: .docker, id: id, rule: "docker", root: "/docker/\(id)"),
        Case(path: "/docker/\(id)/docker/\(other)", kind: .docker, id: id, rule: "docker", root: "/docker/\(id)"),
        Case(
            path: "/docker/\(id)/kubepods/\(pod)/\(other)", kind: .docker, id: id, rule: "docker",
            root: "/docker/\(id)"),
        Case(
            path: "/docker/\(id)/libpod_parent/libpod-\(other)", kind: .docker, id: id, rule: "docker",
            root: "/docker/\(id)"),
        Case(path: "/docker/buildkit", kind: .unknown, rule: "docker-without-id"),
        Case(path: "/docker", kind: .unknown, rule: "docker-without-id"),
        Case(path: "/system.slice/docker-\(id).scope", kind: .docker, id: id, rule: "docker"),
        Case(
            path: "/system.slice/docker-\(id).scope/system.slice/nginx.service", kind: .docker, id: id, rule: "docker",
            root: "/system.slice/docker-\(id).scope"),
        Case(path: "/system.slice/docker-short.scope", kind: .unknown, rule: "docker-without-id"),
        Case(path: "/system.slice/docker.service", kind: .systemd, id: "/system.slice/docker.service", rule: "systemd"),
        Case(
            path: "/kubepods.slice/kubepods-burstable.slice/\(podSlice)/crio-\(id).scope", kind: .crio, id: id,
            rule: "kubepods-crio"),
        Case(
            path: "/kubepods.slice/kubepods-burstable.slice/\(podSlice)/crio-\(id).scope/container", kind: .crio,
            id: id, rule: "kubepods-crio",
            root: "/kubepods.slice/kubepods-burstable.slice/\(podSlice)/crio-\(id).scope"),
        Case(
            path: "/kubepods.slice/kubepods-burstable.slice/\(podSlice)/crio-conmon-\(id).scope", kind: .unknown,
            rule: "crio-conmon"),
        Case(path: "/kubepods/besteffort/\(pod)/crio-\(id)", kind: .crio, id: id, rule: "kubepods-crio"),
        Case(
            path: "/kubepods.slice/\(podSlice)/cri-containerd-\(id).scope", kind: .containerd, id: id,
            rule: "kubepods-containerd"),
        Case(
            path: "/kubepods.slice/\(podSlice)/cri-containerd-\(id).scope/init", kind: .containerd, id: id,
            rule: "kubepods-containerd", root: "/kubepods.slice/\(podSlice)/cri-containerd-\(id).scope"),
        Case(
            path: "/system.slice/containerd.service/kubepods-burstable-\(pod).slice:cri-containerd:\(id)",
            kind: .containerd, id: id, rule: "kubepods-containerd"),
        Case(path: "/kubepods/burstable/\(pod)/\(id)", kind: .docker, id: id, rule: "kubepods"),
        Case(
            path: "/kubepods/burstable/\(pod)/\(id)/a/b/c", kind: .docker, id: id, rule: "kubepods",
            root: "/kubepods/burstable/\(pod)/\(id)"),
        Case(path: "/kubepods.slice/\(podSlice)/docker-\(id).scope", kind: .docker, id: id, rule: "kubepods"),
        Case(
            path: "/kubelet.slice/kubelet-kubepods.slice/\(podSlice)/cri-containerd-\(id).scope", kind: .containerd,
            id: id, rule: "kubepods-containerd"),
        Case(path: "/kubepods/burstable/\(pod)", kind: .sandbox, rule: "kubepods-sandbox"),
        Case(path: "/kubepods", kind: .sandbox, rule: "kubepods-sandbox"),
        Case(path: "/system/apid", kind: .talos, id: "/talos/apid", rule: "talos"),
        Case(
            path: "/podruntime/kubelet/x", kind: .talos, id: "/talos/kubelet", rule: "talos",
            root: "/podruntime/kubelet"),
        Case(path: "/system", kind: .standalone, rule: "top-level"),
        Case(path: "/system.slice", kind: .standalone, rule: "top-level"),
        Case(path: "/system.slice/nginx.service", kind: .systemd, id: "/system.slice/nginx.service", rule: "systemd"),
        Case(
            path: "/system.slice/nginx.service/worker", kind: .systemd, id: "/system.slice/nginx.service",
            rule: "systemd", root: "/system.slice/nginx.service"),
        Case(
            path: #"/system.slice/a\x2db.service"#, kind: .systemd, id: "/system.slice/a-b.service", rule: "systemd",
            root: #"/system.slice/a\x2db.service"#),
        Case(
            path: "/system.slice/system-postgresql.slice/postgresql@9.4-main.service", kind: .systemd,
            id: "/system.slice/system-postgresql.slice", rule: "systemd",
            root: "/system.slice/system-postgresql.slice"),
        Case(path: "/system.slice/run-1.scope", kind: .standalone, rule: "scope"),
        Case(path: "/system.slice/cri-containerd-\(id).scope", kind: .standalone, rule: "scope"),
        Case(
            path: "/runtime.slice/kubelet.service", kind: .systemd, id: "/runtime.slice/kubelet.service",
            rule: "systemd"),
        Case(path: "/reserved.slice/x.service", kind: .systemd, id: "/reserved.slice/x.service", rule: "systemd"),
        Case(path: "/kube.slice/x.service", kind: .systemd, id: "/kube.slice/x.service", rule: "systemd"),
        Case(path: "/azure.slice/x.service", kind: .systemd, id: "/azure.slice/x.service", rule: "systemd"),
        Case(path: "/podruntime.slice/x.service", kind: .systemd, id: "/podruntime.slice/x.service", rule: "systemd"),
        Case(path: "/lxc/web/init.scope", kind: .lxc, id: "/lxc/web", rule: "lxc", root: "/lxc/web"),
        Case(path: "/lxc", kind: .standalone, rule: "top-level"),
        Case(
            path: "/lxc.payload.web/system.slice/x.service", kind: .lxc, id: "/lxc/web", rule: "lxc-payload",
            root: "/lxc.payload.web"),
        Case(path: "/libpod_parent/libpod-\(id)", kind: .podman, id: id, rule: "podman"),
        Case(
            path: "/libpod_parent/libpod-\(id)/nested", kind: .podman, id: id, rule: "podman",
            root: "/libpod_parent/libpod-\(id)"),
        Case(path: "/libpod_parent/conmon", kind: .unknown, rule: "no-rule"),
        Case(path: "/machine.slice/libpod-\(id).scope", kind: .podman, id: id, rule: "podman"),
        Case(
            path: "/machine.slice/libpod-\(id).scope/container", kind: .podman, id: id, rule: "podman",
            root: "/machine.slice/libpod-\(id).scope"),
        Case(path: "/machine.slice/libpod-conmon-\(id).scope", kind: .unknown, rule: "podman-conmon"),
        Case(
            path: "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-\(id).scope/container",
            kind: .podman, id: id, rule: "podman",
            root: "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-\(id).scope"),
        Case(
            path: "/system.slice/web.service/libpod-payload-\(id)", kind: .podman, id: id, rule: "podman"),
        Case(path: "/machine.slice/libpod-short.scope", kind: .unknown, rule: "no-rule"),
        Case(path: "/machine.slice/qemu.scope", kind: .unknown, rule: "no-rule"),
        Case(path: "/default/web", kind: .unknown, rule: "no-rule"),
        Case(path: "/k8s.io/\(id)", kind: .unknown, rule: "no-rule"),
        Case(path: "/foo", kind: .standalone, rule: "top-level"),
        Case(path: "/docker/\(id) (deleted)", kind: .unknown, rule: "deleted"),
        Case(path: "", kind: .unknown, rule: "relative"),
        Case(path: "no slash", kind: .unknown, rule: "relative"),
    ]

    @Test(arguments: cases) func path(_ test: Case) {
        let found = CgroupClassification.classify(test.path)
        #expect(found.kind == test.kind)
        #expect(found.rawID == test.id)
        #expect(found.rule == test.rule)
        #expect(found.rootPath == test.root ?? test.path)
    }

    @Test func nestedCgroupsShareTheRoot() {
        for test in Self.cases where test.kind.needsMetadata && !test.id.isEmpty {
            let root = CgroupClassification.classify(test.path)
            let nested = CgroupClassification.classify(root.rootPath + "/deep/er")
            #expect(nested == root, "\(test.path)")
        }
    }

    @Test func gVisorSandboxTakesItsIDFromTheArguments() {
        let sandbox = CgroupClassification.classify("/kubepods/\(pod)")
        let arguments = ["/usr/bin/runsc-sandbox", "boot", "--root=/run/x", id]
        #expect(sandbox.refined(arguments: arguments).rawID == id)
        #expect(sandbox.refined(arguments: arguments).kind == .sandbox)
        #expect(sandbox.refined(arguments: ["sleep", id]).rawID.isEmpty)
        #expect(sandbox.refined(arguments: []).rawID.isEmpty)
        let docker = CgroupClassification.classify("/docker/\(other)")
        #expect(docker.refined(arguments: arguments) == docker)
    }

    @Test func hostileInputs() {
        var generator = SystemRandomNumberGenerator()
        let pieces = [
            "/", "docker", "kubepods", "crio-", "cri-containerd-", "libpod-", "libpod-payload-", "system.slice", id,
            "é",
            "\u{0}", "..", ".scope", "\\x2d", "lxc.payload.", " (deleted)", "\u{fffd}", String(id.dropLast()),
        ]
        for _ in 0..<20_000 {
            var path = Bool.random() ? "/" : ""
            for _ in 0..<Int.random(in: 0..<12, using: &generator) {
                path += pieces.randomElement(using: &generator) ?? ""
            }
            let found = CgroupClassification.classify(path)
            #expect(path.utf8.starts(with: found.rootPath.utf8))
            _ = SystemdUnit.name(ofCgroup: path)
        }
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0..<300)).map { _ in UInt8.random(in: 0...255) }
            _ = CgroupClassification.classify("/" + String(decoding: bytes, as: UTF8.self))
        }
    }

    @Test func longPathsTakeLinearTime() {
        for unit in ["/", "crio-", "/libpod-", "a", "cri-containerd-a", "/docker-", "kubepods"] {
            let path = "/kubepods" + String(repeating: unit, count: 100_000 / unit.count)
            let clock = ContinuousClock()
            // 100,000 bytes in one go; quadratic work would take minutes.
            #expect(clock.measure { _ = CgroupClassification.classify(path) } < .seconds(2))
        }
    }
}
