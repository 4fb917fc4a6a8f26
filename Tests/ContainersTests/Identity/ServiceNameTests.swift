import Testing

@testable import Containers

@Suite struct ServiceNameTests {
    @Test(arguments: [
        ("/k8s/prod/web-6d4cf56db6-x2x4z/app", "/k8s/prod/web"),
        ("/k8s/prod/web-api-6d4cf56db6-x2x4z/app", "/k8s/prod/web-api"),
        ("/k8s/kube-system/kube-proxy-x2x4z/kube-proxy", "/k8s/kube-system/kube-proxy"),
        ("/k8s/prod/db-0/postgres", "/k8s/prod/db"),
        ("/k8s/prod/db-12/postgres", "/k8s/prod/db"),
        ("/k8s/prod/a-b-c-12/x/y", "/k8s/prod/a-b-c"),
        // Eleven digits are no ReplicaSet hash: the longest rule that fits is the DaemonSet's.
        ("/k8s/prod/web-abcdef01234-x2x4z/app", "/k8s/prod/web-abcdef01234"),
        ("/k8s/prod/web-xyz-x2x4z/app", "/k8s/prod/web-xyz"),
        // Vowels are not generated.
        ("/k8s/prod/web-aeiou/app", "/k8s/prod/web-aeiou/app"),
        ("/k8s/prod/single/app", "/k8s/prod/single/app"),
        ("/k8s/prod/etcd-node.example.com/etcd", "/k8s/prod/etcd-node.example.com/etcd"),
        ("/k8s/Prod/db-0/postgres", "/k8s/Prod/db-0/postgres"),
        ("/k8s/prod/db-0/", "/k8s/prod/db-0/"),
        ("/k8s/prod/db-0", "/k8s/prod/db-0"),
        ("/k8s//db-0/x", "/k8s//db-0/x"),
        ("/k8s/prod/-0/x", "/k8s/prod/-0/x"),
        ("/k8s/prod/db-/x", "/k8s/prod/db-/x"),
        ("/k8s/", "/k8s/"),
        ("/k8s-cronjob/prod/backup/dump", "/k8s-cronjob/prod/backup/dump"),
        ("/docker/db-0", "/docker/db-0"),
        ("", ""),
    ])
    func derived(_ id: String, _ expected: String) {
        #expect(ServiceName.derive(from: id) == expected)
        #expect(ServiceName.appID(of: id) == (id == expected ? "" : expected))
    }
}
