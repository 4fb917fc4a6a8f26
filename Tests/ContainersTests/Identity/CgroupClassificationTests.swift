import Testing

@testable import Containers

private let id = "3f6b1e6b0a2e4d8c9a7f5b4c3d2e1f00112233445566778899aabbccddeeff00"
private let other = "00ffeeddccbbaa99887766554433221100f1e2d3c4b5f7a9c8d4e2a0b6e1b6f3"
private let pod = "pod11111111-2222-3333-4444-555555555555"
private let user = "user.slice/user-1000.slice/user@1000.service"
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

    static let someID = id

    static let cases: [Case] = [
        Case(path: "/init", kind: .talos, id: "/talos/init", rule: "talos-init"),
        Case(path: "/init/x", kind: .containerd, id: "x", rule: "containerd-candidate"),
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
        Case(
            path: "/system.slice/cri-containerd-\(id).scope", kind: .containerd, id: id, rule: "cri-containerd-scope"),
        Case(path: "/system.slice/crio-\(id).scope", kind: .crio, id: id, rule: "crio-scope"),
        Case(path: "/system.slice/crio-conmon-\(id).scope", kind: .standalone, rule: "scope"),
        Case(path: "/system.slice/nerdctl-\(id).scope", kind: .containerd, id: id, rule: "nerdctl-scope"),
        Case(
            path: "/system.slice/nerdctl-\(id).scope/child", kind: .containerd, id: id, rule: "nerdctl-scope",
            root: "/system.slice/nerdctl-\(id).scope"),
        Case(path: "/system.slice/nerdctl-short.scope", kind: .standalone, rule: "scope"),
        // What a service runs is the service's.
        Case(
            path: "/system.slice/ci.service/docker-\(id).scope/x", kind: .systemd, id: "/system.slice/ci.service",
            rule: "systemd", root: "/system.slice/ci.service"),
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
        Case(path: "/libpod_parent/conmon", kind: .unknown, rule: "podman-conmon"),
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
        // Containers of containerd's own clients, if containerd says so.
        Case(path: "/default/web", kind: .containerd, id: "web", rule: "containerd-candidate"),
        Case(
            path: "/default/web/inner/cgroup", kind: .containerd, id: "web", rule: "containerd-candidate",
            root: "/default/web"),
        Case(path: "/shop.test/cart_1", kind: .containerd, id: "cart_1", rule: "containerd-candidate"),
        Case(path: "/k8s.io/\(id)", kind: .containerd, id: id, rule: "bare-id"),
        Case(path: "/default/\(id)/x", kind: .containerd, id: id, rule: "bare-id", root: "/default/\(id)"),
        Case(path: "/tenants/a/\(id)", kind: .docker, id: id, rule: "bare-id"),
        Case(
            path: "/tenants/a/\(id)/init.scope", kind: .docker, id: id, rule: "bare-id", root: "/tenants/a/\(id)"),
        Case(path: "/default/-web", kind: .unknown, rule: "no-rule"),
        Case(path: "/default/we b", kind: .unknown, rule: "no-rule"),
        Case(path: "/guest/system.slice/nginx.service", kind: .unknown, rule: "no-rule"),
        Case(path: "/custom.slice/x.service", kind: .unknown, rule: "no-rule"),
        Case(path: "/\(String(repeating: "n", count: 77))/web", kind: .unknown, rule: "no-rule"),
        // Docker below another parent, and for users.
        Case(path: "/ci.slice/docker-\(id).scope", kind: .docker, id: id, rule: "docker-scope"),
        Case(
            path: "/ci.slice/ci-jobs.slice/docker-\(id).scope/init", kind: .docker, id: id, rule: "docker-scope",
            root: "/ci.slice/ci-jobs.slice/docker-\(id).scope"),
        Case(path: "/\(user)/user.slice/docker-\(id).scope", kind: .docker, id: id, rule: "docker-scope"),
        Case(path: "/\(user)/user.slice/nerdctl-\(id).scope", kind: .containerd, id: id, rule: "nerdctl-scope"),
        Case(path: "/docker/buildkit/x7k2p9q4m1z8", kind: .unknown, rule: "docker-without-id"),
        // kind and Docker in Docker: the outer container counts.
        Case(
            path: "/docker/\(id)/kubelet.slice/kubelet-kubepods.slice/\(podSlice)/cri-containerd-\(other).scope",
            kind: .docker, id: id, rule: "docker", root: "/docker/\(id)"),
        Case(
            path:
                "/system.slice/docker-\(id).scope/kubelet.slice/kubelet-kubepods.slice/\(podSlice)/crio-\(other).scope",
            kind: .docker, id: id, rule: "docker", root: "/system.slice/docker-\(id).scope"),
        Case(
            path: "/machine.slice/libpod-\(id).scope/container/kubelet.slice/kubepods/\(pod)/\(other)", kind: .podman,
            id: id, rule: "podman", root: "/machine.slice/libpod-\(id).scope"),
        Case(
            path: "/kubepods/\(pod)/\(id)/docker/\(other)", kind: .docker, id: id, rule: "kubepods",
            root: "/kubepods/\(pod)/\(id)"),
        Case(
            path: "/kubepods.slice/\(podSlice)/cri-containerd-\(id).scope/libpod_parent/libpod-\(other)",
            kind: .containerd, id: id, rule: "kubepods-containerd",
            root: "/kubepods.slice/\(podSlice)/cri-containerd-\(id).scope"),
        // Podman's pods.
        Case(
            path: "/machine.slice/machine-libpod_pod_\(other).slice/libpod-\(id).scope", kind: .podman, id: id,
            rule: "podman"),
        Case(
            path: "/\(user)/user.slice/user-libpod_pod_\(other).slice/libpod-\(id).scope/container", kind: .podman,
            id: id, rule: "podman",
            root: "/\(user)/user.slice/user-libpod_pod_\(other).slice/libpod-\(id).scope"),
        Case(path: "/\(user)/user.slice/libpod-conmon-\(id).scope", kind: .unknown, rule: "podman-conmon"),
        Case(path: "/machine.slice/machine-libpod_pod_\(other).slice", kind: .unknown, rule: "no-rule"),
        // Guests.
        Case(
            path: #"/machine.slice/machine-qemu\x2d1\x2dweb.scope"#, kind: .machine, id: "/machine/web",
            rule: "machine-scope"),
        Case(
            path: #"/machine.slice/machine-qemu\x2d12\x2ddb\x2dprimary.scope/libvirt/emulator"#, kind: .machine,
            id: "/machine/db-primary", rule: "machine-scope",
            root: #"/machine.slice/machine-qemu\x2d12\x2ddb\x2dprimary.scope"#),
        Case(
            path: #"/machine.slice/machine-lxc\x2d41\x2dmail.scope"#, kind: .machine, id: "/machine/mail",
            rule: "machine-scope"),
        Case(
            path: #"/machine.slice/machine-caf\xc3\xa9.scope/payload/x.service"#, kind: .machine, id: "/machine/café",
            rule: "machine-scope", root: #"/machine.slice/machine-caf\xc3\xa9.scope"#),
        Case(
            path: #"/machine.slice/systemd-nspawn@build\x2d7.service/payload/system.slice/docker-\#(id).scope"#,
            kind: .machine, id: "/machine/build-7", rule: "nspawn",
            root: #"/machine.slice/systemd-nspawn@build\x2d7.service"#),
        Case(
            path: "/machine/qemu-3-web.libvirt-qemu/vcpu0", kind: .machine, id: "/machine/web", rule: "libvirt",
            root: "/machine/qemu-3-web.libvirt-qemu"),
        Case(path: "/machine.slice/machine-.scope", kind: .unknown, rule: "no-rule"),
        // LXC, LXD, Incus.
        Case(path: "/lxc.payload.shop_web", kind: .lxc, id: "/lxc/shop_web", rule: "lxc-payload"),
        Case(
            path: "/lxc.payload.web/system.slice/docker-\(id).scope", kind: .lxc, id: "/lxc/web", rule: "lxc-payload",
            root: "/lxc.payload.web"),
        Case(path: "/lxc.payload/web/x", kind: .lxc, id: "/lxc/web", rule: "lxc-payload", root: "/lxc.payload/web"),
        Case(
            path: "/\(user)/app.slice/run-7.scope/lxc.payload.web/init.scope", kind: .lxc, id: "/lxc/web",
            rule: "lxc-payload", root: "/\(user)/app.slice/run-7.scope/lxc.payload.web"),
        Case(path: "/lxc.monitor.web", kind: .unknown, rule: "lxc-monitor"),
        Case(path: "/lxc.monitor/web", kind: .unknown, rule: "lxc-monitor"),
        Case(path: "/lxc.payload.", kind: .standalone, rule: "top-level"),
        // Users' own services.
        Case(
            path: "/\(user)/app.slice/syncthing.service", kind: .userService, id: "/user.slice/1000/syncthing.service",
            rule: "user-service"),
        Case(
            path: #"/\#(user)/session.slice/a\x2db@1.service/worker"#, kind: .userService,
            id: "/user.slice/1000/a-b@1.service", rule: "user-service",
            root: #"/\#(user)/session.slice/a\x2db@1.service"#),
        Case(path: "/\(user)/init.scope", kind: .standalone, rule: "session"),
        Case(path: "/\(user)/app.slice/app-firefox-12.scope", kind: .standalone, rule: "session"),
        Case(path: "/\(user)", kind: .standalone, rule: "session"),
        Case(
            path: "/\(user)/user.slice/\(id)/x", kind: .podman, id: id, rule: "bare-id",
            root: "/\(user)/user.slice/\(id)"),
        // Seen from a private cgroup namespace.
        Case(path: "/../../docker/\(id)", kind: .docker, id: id, rule: "docker"),
        Case(
            path: "/../kubepods/burstable/\(pod)/\(id)/x", kind: .docker, id: id, rule: "kubepods",
            root: "/../kubepods/burstable/\(pod)/\(id)"),
        Case(
            path: "/../../system.slice/nginx.service", kind: .systemd, id: "/system.slice/nginx.service",
            rule: "systemd"),
        Case(path: "/..", kind: .standalone, rule: "root"),
        Case(
            path: "/docker/\(id)/" + String(repeating: "a/", count: 2000), kind: .docker, id: id, rule: "docker",
            root: "/docker/\(id)"),
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
