import Testing

@testable import Containers

private let id = String(repeating: "ab", count: 32)
private let now: Int64 = 1_795_470_000

@Suite struct ContainerIdentityTests {
    private func identity(
        _ kind: RuntimeKind, rawID: String = id, name: String = "", labels: [String: String] = [:],
        environment: [String: String] = [:]
    ) -> ContainerIdentity? {
        var metadata = ContainerMetadata()
        metadata.name = name
        metadata.labels = labels
        metadata.environment = environment
        let classification = CgroupClassification(kind: kind, rawID: rawID, rule: "test", rootPath: "/x")
        return ContainerIdentity(classification, metadata: metadata, now: now)
    }

    private func reported(
        at path: String, options: IdentityOptions = IdentityOptions(),
        _ change: (inout ContainerMetadata) -> Void = { _ in }
    ) -> ContainerIdentity? {
        var metadata = ContainerMetadata()
        change(&metadata)
        return ContainerIdentity(.classify(path), metadata: metadata, now: now, options: options)
    }

    @Test func guestsAndLXC() {
        #expect(reported(at: "/lxc.payload.shop_web/x")?.containerID == "/lxc/shop_web")
        #expect(reported(at: "/lxc.monitor.shop_web") == nil)
        #expect(reported(at: #"/machine.slice/machine-qemu\x2d1\x2dweb.scope"#)?.containerID == "/machine/web")
        #expect(reported(at: "/machine.slice/systemd-nspawn@web.service")?.containerID == "/machine/web")
    }

    @Test func userServicesOnRequest() {
        let path = "/user.slice/user-7.slice/user@7.service/app.slice/sync.service"
        #expect(reported(at: path) == nil)
        var options = IdentityOptions()
        options.userServices = true
        #expect(reported(at: path, options: options)?.containerID == "/user.slice/7/sync.service")
        #expect(reported(at: "/user.slice/user-7.slice/session-2.scope", options: options) == nil)
    }

    @Test func containerdsOwn() {
        let path = "/default/web"
        #expect(reported(at: path) == nil)
        let found = reported(at: path) {
            $0.name = "web"
            $0.containerdNamespace = "default"
        }
        #expect(found == ContainerIdentity(containerID: "/containerd/default/web"))
        // A pod's container without labels is not one of them, nor is what holds a pod's namespaces.
        #expect(
            reported(at: "/kubepods/pod1/cri-containerd-\(CgroupClassificationTests.someID)") {
                $0.name = "x"
                $0.containerdNamespace = "k8s.io"
            } == nil)
        #expect(
            reported(at: "/k8s.io/\(CgroupClassificationTests.someID)") {
                $0.name = "x"
                $0.containerdNamespace = "k8s.io"
                $0.isSandbox = true
            } == nil)
        // Docker below another parent.
        #expect(
            reported(at: "/tenants/a/\(CgroupClassificationTests.someID)") { $0.name = "web" }?.containerID
                == "/docker/web")
    }

    @Test func composeApplications() {
        var options = IdentityOptions()
        options.composeAppID = true
        let labels = ["com.docker.compose.project": "shop", "com.docker.compose.service": "cart"]
        let path = "/docker/\(CgroupClassificationTests.someID)"
        let found = reported(at: path, options: options) {
            $0.name = "shop-cart-1"
            $0.labels = labels
        }
        #expect(found?.containerID == "/docker/shop-cart-1")
        #expect(found?.appID == "/compose/shop/cart")
        let off = reported(at: path) {
            $0.name = "shop-cart-1"
            $0.labels = labels
        }
        #expect(off?.appID == "")
        let half = reported(at: path, options: options) {
            $0.name = "shop-cart-1"
            $0.labels = ["com.docker.compose.project": "shop"]
        }
        #expect(half?.appID == "")
        // Pods have applications already.
        let member = reported(at: path, options: options) {
            $0.labels = pod("web-6d4cf56db6-x2x4z").merging(labels) { $1 }
        }
        #expect(member?.appID == "/k8s/prod/web")
    }

    @Test func podmanLeavesInfraOut() {
        let path = "/machine.slice/libpod-\(CgroupClassificationTests.someID).scope"
        #expect(reported(at: path) { $0.name = "web" }?.containerID == "/podman/web")
        let infra = reported(at: path) {
            $0.name = "58cff19a0ad3-infra"
            $0.isSandbox = true
        }
        #expect(infra == nil)
    }

    @Test func labelNames() throws {
        let label = try #require(ContainerLabel("com.example/team-name"))
        #expect(label.metricName == "label_com_example_team_name")
        #expect(ContainerLabel("") == nil)
        #expect(ContainerLabel("é")?.metricName == "label___")
        var metadata = ContainerMetadata()
        metadata.labels = ["com.example/team-name": "red", "other": "x"]
        #expect(metadata.metricLabels([label]).map(\.value) == ["red"])
        metadata.labels = ["com.example/team-name": ""]
        #expect(metadata.metricLabels([label]).isEmpty)
    }

    private func pod(_ name: String, container: String? = "app") -> [String: String] {
        var labels = ["io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": "prod"]
        labels["io.kubernetes.container.name"] = container
        return labels
    }

    @Test(arguments: [RuntimeKind.docker, .containerd, .crio])
    func kubernetes(_ kind: RuntimeKind) {
        let found = identity(kind, name: "k8s_app_web", labels: pod("web-6d4cf56db6-x2x4z"))
        #expect(found?.containerID == "/k8s/prod/web-6d4cf56db6-x2x4z/app")
        #expect(found?.appID == "/k8s/prod/web")
        #expect(identity(kind, labels: pod("web-0", container: nil)) == nil)
        #expect(identity(kind, labels: pod("web-0", container: "")) == nil)
        #expect(identity(kind, labels: pod("web-0", container: "POD")) == nil)
    }

    @Test func sandboxesAreNamedSo() {
        #expect(identity(.sandbox, labels: pod("web-0", container: nil))?.containerID == "/k8s/prod/web-0/sandbox")
        // Its id is in no path: whoever found the metadata has it from a process.
        #expect(identity(.sandbox, rawID: "", labels: pod("web-0"))?.containerID == "/k8s/prod/web-0/sandbox")
        #expect(
            ContainerIdentity(
                CgroupClassification(kind: .sandbox, rawID: "", rule: "test", rootPath: "/x"), metadata: nil, now: now)
                == nil)
    }

    @Test func cronJobs() {
        let minutes = now / 60
        #expect(
            identity(.containerd, labels: pod("backup-\(minutes)-x2x4z"))
                == ContainerIdentity(containerID: "/k8s-cronjob/prod/backup/app"))
        #expect(
            identity(.containerd, labels: pod("a-b-\(minutes + 7 * 24 * 60)-x2x4z"))?.containerID
                == "/k8s-cronjob/prod/a-b/app")
        // Beyond a week, or not in the safe alphabet, the digits are a ReplicaSet's hash or nothing.
        let late = "backup-\(minutes - 7 * 24 * 60 - 1)-x2x4z"
        #expect(identity(.containerd, labels: pod(late))?.containerID == "/k8s/prod/\(late)/app")
        #expect(identity(.containerd, labels: pod(late))?.appID == "/k8s/prod/backup")
        #expect(
            identity(.containerd, labels: pod("backup-\(minutes)-aeiou"))?.containerID
                == "/k8s/prod/backup-\(minutes)-aeiou/app")
        #expect(identity(.containerd, labels: pod("\(minutes)-x2x4z"))?.containerID == "/k8s/prod/\(minutes)-x2x4z/app")
        #expect(identity(.containerd, labels: pod("-99999999-x2x4z"))?.containerID == "/k8s/prod/-99999999-x2x4z/app")
    }

    @Test func swarm() {
        let labels = [
            "com.docker.swarm.task.name": "shop_web.2.q1w2e3", "com.docker.swarm.service.name": "shop_web",
            "com.docker.stack.namespace": "shop",
        ]
        #expect(identity(.docker, name: "shop_web.2.q1w2e3", labels: labels)?.containerID == "/swarm/shop/web/2")
        var single = labels
        single["com.docker.stack.namespace"] = nil
        #expect(identity(.docker, name: "x", labels: single)?.containerID == "/swarm/_/shop_web/2")
        single["com.docker.swarm.task.name"] = "shop_web.2"
        #expect(identity(.docker, name: "x", labels: single)?.containerID == "/docker/x")
    }

    @Test func nomad() {
        var environment = [
            "NOMAD_ALLOC_ID": "a1", "NOMAD_GROUP_NAME": "group", "NOMAD_JOB_NAME": "job", "NOMAD_NAMESPACE": "default",
            "NOMAD_TASK_NAME": "task",
        ]
        #expect(
            identity(.docker, name: "task-a1", environment: environment)?.containerID
                == "/nomad/default/job/group/a1/task")
        environment["NOMAD_GROUP_NAME"] = nil
        #expect(identity(.docker, name: "task-a1", environment: environment)?.containerID == "/docker/task-a1")
    }

    @Test func dockerAndPodman() {
        #expect(identity(.docker, name: "web")?.containerID == "/docker/web")
        #expect(identity(.docker, name: "web")?.appID == "")
        #expect(identity(.docker) == nil)
        #expect(identity(.docker, rawID: "", name: "web") == nil)
        #expect(identity(.containerd) == nil)
        #expect(identity(.podman, name: "web")?.containerID == "/podman/web")
        #expect(identity(.podman) == nil)
    }

    @Test func kindsWithoutMetadata() {
        func identity(_ path: String) -> String? {
            ContainerIdentity(CgroupClassification.classify(path), metadata: nil, now: now)?.containerID
        }
        #expect(identity("/system.slice/nginx.service") == "/system.slice/nginx.service")
        #expect(identity("/system.slice/crio-conmon-\(id)") == nil)
        #expect(identity("/system/apid") == "/talos/apid")
        #expect(identity("/init") == "/talos/init")
        #expect(identity("/lxc/web") == "/lxc/web")
        #expect(identity("/user.slice/user-0.slice/session-1.scope") == nil)
        #expect(identity("/docker/\(id)") == nil)
        #expect(identity("/machine.slice/libpod-conmon-\(id).scope") == nil)
        #expect(identity("/") == nil)
    }
}
