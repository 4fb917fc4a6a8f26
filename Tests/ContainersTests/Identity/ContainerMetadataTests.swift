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
