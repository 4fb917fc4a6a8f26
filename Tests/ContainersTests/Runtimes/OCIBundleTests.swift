import Linux
import TestSupport
import Testing

@testable import Containers

private let id = String(repeating: "ab", count: 32)
private let sandboxID = String(repeating: "cd", count: 32)
private let tasks = "/run/containerd/io.containerd.runtime.v2.task/k8s.io"

@Suite struct OCIBundleTests {
    static let containerd = """
        {"ociVersion": "1.0.2",
         "process": {"env": ["PATH=/bin", "SECRET=x", "COROOT_LOG_MONITORING=disabled"],
                     "rlimits": [{"type": "RLIMIT_CORE", "hard": 18446744073709551615, "soft": 0}]},
         "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                    {"destination": "/etc/hosts", "type": "bind",
                     "source": "/var/lib/kubelet/pods/11111111-2222-3333-4444-555555555555/etc-hosts"},
                    {"destination": "/data", "type": "bind", "source": "/mnt/data"}],
         "annotations": {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.container-name": "app",
                         "io.kubernetes.cri.sandbox-name": "web-0", "io.kubernetes.cri.sandbox-namespace": "prod",
                         "io.kubernetes.cri.image-name": "docker.io/library/nginx:1.27"},
         "linux": {"cgroupsPath": "kubepods-pod1.slice:cri-containerd:\(id)"}}
        """

    private let classification = CgroupClassification.classify("/kubepods/pod1/cri-containerd-\(id)")

    @Test func annotationsOfContainerd() throws {
        let bundle = try OCIBundle.parse(Array(Self.containerd.utf8))
        let metadata = OCIAnnotations.metadata(of: bundle)
        #expect(metadata.labels["io.kubernetes.container.name"] == "app")
        #expect(metadata.labels["io.kubernetes.pod.name"] == "web-0")
        #expect(metadata.labels["io.kubernetes.pod.namespace"] == "prod")
        #expect(metadata.labels["io.kubernetes.pod.uid"] == "11111111-2222-3333-4444-555555555555")
        #expect(metadata.image == "docker.io/library/nginx:1.27")
        #expect(metadata.mounts["/data"] == "/mnt/data")
        #expect(metadata.mounts["/proc"] == nil)
        #expect(metadata.environment == ["COROOT_LOG_MONITORING": "disabled"])
        #expect(OCIAnnotations.identify(bundle))
        #expect(!OCIAnnotations.isSandbox(bundle))
    }

    @Test func annotationsOfCRIO() throws {
        let text = #"""
            {"annotations": {"io.kubernetes.container.name": "app", "io.kubernetes.pod.name": "web-0",
             "io.kubernetes.pod.namespace": "prod", "io.kubernetes.cri-o.ImageName": "quay.io/x:1",
             "io.kubernetes.cri-o.LogPath": "/var/log/pods/p/app/0.log",
             "io.kubernetes.cri-o.Volumes": "[{\"container_path\":\"/data\",\"host_path\":\"/mnt/x\"}]"}}
            """#
        let metadata = OCIAnnotations.metadata(of: try OCIBundle.parse(Array(text.utf8)))
        #expect(metadata.labels["io.kubernetes.container.name"] == "app")
        #expect(metadata.image == "quay.io/x:1")
        #expect(metadata.logPath == "/var/log/pods/p/app/0.log")
        #expect(metadata.mounts == ["/data": "/mnt/x"])
    }

    @Test func theShimOfAPodStandsInTheSandboxsBundle() throws {
        let fixture = try FixtureDirectory()
        try fixture.write("root\(tasks)/\(sandboxID)/config.json", #"{"annotations": {"who": "sandbox"}}"#)
        try fixture.write("root\(tasks)/\(id)/config.json", Self.containerd)
        try fixture.write("root\(tasks)/\(id)/init.pid", "41")
        try fixture.process(
            10, "containerd-shim", parent: 1, arguments: ["containerd-shim-runc-v2"], cwd: "\(tasks)/\(sandboxID)")
        try fixture.process(41, "nginx (master)", parent: 10, cgroup: classification.rootPath)
        try fixture.process(42, "nginx", parent: 41, cgroup: classification.rootPath + "/nested")
        let processes = ProcessTable(fixture.path + "/proc")
        for pid: Int32 in [41, 42] {
            let bundle = OCIBundle.find(pid: pid, of: classification, processes: processes)
            #expect(bundle?.annotations["io.kubernetes.cri.container-name"] == "app")
            #expect(bundle?.initPID == 41)
        }
        // The shim's own bundle is the sandbox's.
        let sandbox = CgroupClassification.classify("/kubepods/pod1/cri-containerd-\(sandboxID)")
        try fixture.process(43, "pause", parent: 10, cgroup: sandbox.rootPath)
        #expect(OCIBundle.find(pid: 43, of: sandbox, processes: processes)?.annotations["who"] == "sandbox")
        #expect(OCIBundle.find(pid: 99, of: classification, processes: processes) == nil)
    }

    @Test func aContainerCannotPretendToBeAShim() throws {
        let fixture = try FixtureDirectory()
        try fixture.write("root/evil/config.json", Self.containerd)
        try fixture.process(41, "containerd-shim", parent: 1, cgroup: classification.rootPath, cwd: "/evil")
        try fixture.process(42, "sh", parent: 41, cgroup: classification.rootPath)
        #expect(OCIBundle.find(pid: 42, of: classification, processes: ProcessTable(fixture.path + "/proc")) == nil)
    }

    @Test func anotherContainersBundleIsRefused() throws {
        let fixture = try FixtureDirectory()
        try fixture.write("root/b/config.json", #"{"linux": {"cgroupsPath": "/kubepods/pod1/\#(sandboxID)"}}"#)
        try fixture.process(10, "runc", parent: 1, cwd: "/b")
        try fixture.process(41, "sh", parent: 10, cgroup: classification.rootPath)
        #expect(OCIBundle.find(pid: 41, of: classification, processes: ProcessTable(fixture.path + "/proc")) == nil)
        // `runc run` with the right cgroup, whatever the directory is called.
        try fixture.write("root/b/config.json", #"{"linux": {"cgroupsPath": "/kubepods/pod1/\#(id)"}}"#)
        #expect(OCIBundle.find(pid: 41, of: classification, processes: ProcessTable(fixture.path + "/proc")) != nil)
    }

    @Test func parentsThatLoopAreLeft() throws {
        let fixture = try FixtureDirectory()
        try fixture.process(41, "a", parent: 42, cgroup: classification.rootPath)
        try fixture.process(42, "b", parent: 41, cgroup: classification.rootPath)
        #expect(OCIBundle.find(pid: 41, of: classification, processes: ProcessTable(fixture.path + "/proc")) == nil)
    }

    @Test func bundlesAreFoundWithoutAProcess() throws {
        let fixture = try FixtureDirectory()
        try fixture.write("root\(tasks)/\(id)/config.json", Self.containerd)
        let bundle = OCIBundle.find(of: classification, root: RootDirectory(fixture.path + "/root"))
        #expect(bundle?.annotations["io.kubernetes.cri.container-name"] == "app")
    }

    @Test func theKubeletsLogPath() throws {
        let fixture = try FixtureDirectory()
        for name in ["0.log", "2.log", "10.log", "3.log.gz", "x.log"] {
            try fixture.write("var/log/pods/prod_web-0_u1/app/\(name)", "")
        }
        var labels = [
            "io.kubernetes.pod.namespace": "prod", "io.kubernetes.pod.name": "web-0", "io.kubernetes.pod.uid": "u1",
            "io.kubernetes.container.name": "app",
        ]
        let root = RootDirectory(fixture.path)
        #expect(OCIAnnotations.logPath(labels, root: root) == "/var/log/pods/prod_web-0_u1/app/10.log")
        labels["io.kubernetes.container.name"] = ".."
        #expect(OCIAnnotations.logPath(labels, root: root) == "")
        labels["io.kubernetes.container.name"] = nil
        #expect(OCIAnnotations.logPath(labels, root: root) == "")
    }

    @Test func relativeCgroupPathsAreUnderstood() throws {
        let fixture = try FixtureDirectory()
        try fixture.process(41, "a", parent: 1, cgroup: "/../../kubepods/pod1/cri-containerd-\(id)/x")
        try fixture.process(42, "b", parent: 1, cgroup: "/../../system.slice/containerd.service")
        let processes = ProcessTable(fixture.path + "/proc")
        #expect(processes.isInside(41, classification))
        #expect(!processes.isInside(42, classification))
    }
}
