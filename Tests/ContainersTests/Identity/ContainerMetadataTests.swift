import Testing

@testable import Containers

@Suite struct ContainerMetadataTests {
    @Test(arguments: [
        (
            "/var/lib/kubelet/pods/x/volumes/kubernetes.io~csi/pvc-01234567-89ab-cdef-0123-456789abcdef/mount",
            "pvc-01234567-89ab-cdef-0123-456789abcdef"
        ),
        ("pvc-pvc-01234567-89ab-cdef-0123-456789abcdef", "pvc-01234567-89ab-cdef-0123-456789abcdef"),
        ("/x/pvc-01234567-89ab-cdef-0123-456789abcde", ""), ("/x/pvc-", ""), ("", ""),
        ("/x/pvc-01234567_89ab-cdef-0123-456789abcdef", ""),
        ("/var/lib/kubelet/pods/x/volumes/kubernetes.io~csi/static-pv/mount", "static-pv"),
        ("/pods/x/volumes/kubernetes.io~local-volume/local-pv-1", "local-pv-1"),
        ("/var/lib/kubelet/pods/x/volume-subpaths/static-pv/main/0", "static-pv"),
        (
            "/var/lib/kubelet/pods/x/volume-subpaths/pvc-01234567-89ab-cdef-0123-456789abcdef/main/0",
            "pvc-01234567-89ab-cdef-0123-456789abcdef"
        ),
        ("/pods/x/volumes/kubernetes.io~empty-dir/tmp", ""), ("/pods/x/volumes/kubernetes.io~configmap/c/f", ""),
        ("/var/lib/docker/volumes/data/_data", "data"), ("/mnt/docker/volumes/data/_data/below", "data"),
        ("/var/lib/containers/storage/volumes/web/_data", "web"),
        ("/home/u/.local/share/containers/storage/volumes/web/_data", "web"),
        ("/srv/volumes/data", ""), ("/volumes", ""), ("/volumes/x", ""), ("/volume-subpaths/x", ""),
        ("/volumes//_data", ""),
    ])
    func volumeNames(_ source: String, _ name: String) {
        #expect(ContainerMetadata.volumeName(ofSource: source) == name)
    }

    @Test func onlyTheAgentsVariablesAreKept() {
        var metadata = ContainerMetadata()
        for entry in ["PASSWORD=secret", "NOMAD_TASK_NAME=a=b", "COROOT_LOG_MONITORING=disabled", "NOMAD_", "=", ""] {
            metadata.keep(environment: entry)
        }
        #expect(metadata.environment == ["NOMAD_TASK_NAME": "a=b", "COROOT_LOG_MONITORING": "disabled"])
    }
}
