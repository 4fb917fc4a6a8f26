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
        #expect(identity(.sandbox, rawID: "", labels: pod("web-0")) == nil)
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
        #expect(identity("/lxc/web") == nil)
        #expect(identity("/user.slice/user-0.slice/session-1.scope") == nil)
        #expect(identity("/docker/\(id)") == nil)
        #expect(identity("/machine.slice/libpod-conmon-\(id).scope") == nil)
        #expect(identity("/") == nil)
    }
}
