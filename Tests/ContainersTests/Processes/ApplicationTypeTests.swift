import Testing

@testable import Containers

@Suite struct ApplicationTypeTests {
    private func type(_ arguments: String..., executable: String = "") -> String? {
        let line: [UInt8] = arguments.flatMap { (text: String) -> [UInt8] in Array(text.utf8) + [0] }
        return ApplicationType.detect(commandLine: line, executable: executable)?.rawValue
    }

    @Test(arguments: [
        ("/usr/bin/coroot-node-agent", "coroot-node-agent"), ("coroot", "coroot-community-edition"),
        ("coroot-ee", "coroot-enterprise-edition"), ("coroot-cluster-agent", "coroot-cluster-agent"),
        ("coroot-operator", "coroot-operator"), ("memcached", "memcached"), ("/usr/local/bin/envoy", "envoy"),
        ("mongod", "mongodb"), ("mongos", "mongos"), ("/usr/sbin/mysqld", "mysql"), ("mariadbd", "mysql"),
        ("/opt/mssql/bin/sqlservr", "mssql"), ("redis-server *:6379", "redis"), ("redis-sentinel", "redis-sentinel"),
        ("keydb-server", "keydb"), ("valkey-server", "valkey"), ("dragonfly", "dragonfly"), ("pgbouncer", "pgbouncer"),
        ("postgres: walwriter ", "postgres"), ("/usr/lib/postgresql/15/bin/postgres", "postgres"),
        ("haproxy", "haproxy"), ("nginx: master process nginx -g daemon off;", "nginx"), ("/opt/foo-nginx", "nginx"),
        ("w3wp", "dotnet"), ("/usr/bin/kubelet", "kubelet"), ("kube-apiserver", "kube-apiserver"),
        ("kube-controller-manager", "kube-controller-manager"), ("kube-scheduler", "kube-scheduler"),
        ("/usr/local/bin/k3s", "k3s"), ("etcd", "etcd"), ("/usr/bin/dockerd", "dockerd"), ("consul", "consul"),
        ("clickhouse-server", "clickhouse"), ("traefik", "traefik"), ("asd", "aerospike"), ("httpd", "httpd"),
        ("apache", "httpd"), ("influxd", "influxdb"), ("vault", "vault"), ("proxysql", "proxysql"),
        ("cockroach", "cockroach"), ("/bin/prometheus", "prometheus"), ("ceph-mon", "ceph"), ("ceph-mgr", "ceph"),
        ("ceph-osd", "ceph"), ("/usr/local/bin/cephcsi", "ceph"), ("rook", "rook"), ("/nats-server", "nats"),
        ("/usr/bin/java", "java"), ("ollama", "ollama"), ("fdbserver", "foundationdb"),
        ("/victoria-metrics-prod", "victoria-metrics"), ("/vmstorage-prod", "victoria-metrics"),
        ("vminsert", "victoria-metrics"), ("vmselect-prod", "victoria-metrics"),
        ("/victoria-logs-prod", "victoria-logs"),
        ("php-fpm: pool www", "php"), ("php8.2", "php"), ("php-cgi7.4", "php"), ("/usr/sbin/php-fpm8.2", "php"),
        ("python", "python"), ("/usr/bin/python3", "python"), ("python3.11", "python"), ("python2.", "python"),
        ("node", "nodejs"), ("nodejs18", "nodejs"), ("/usr/bin/ruby3.1", "ruby"), ("  \tnginx", "nginx"),
    ])
    func commands(command: String, expected: String) { #expect(type(command) == expected) }

    @Test(arguments: [
        "", " ", ":", "sleep", "containerd", "kube-proxy", "crio", "python3.11.4x", "python2.7.18", "nginx-debug",
        "apache2", "redis-cli", "12.34", "3", "beam.smp",
    ])
    func others(command: String) { #expect(type(command) == nil) }

    @Test func wholeCommandLines() {
        #expect(type("/usr/bin/java", "-Xmx1g", "org.elasticsearch.bootstrap.Elasticsearch") == "elasticsearch")
        #expect(type("java", "org.opensearch.bootstrap.OpenSearch") == "opensearch")
        #expect(type("java", "kafka.Kafka", "/etc/kafka.properties") == "kafka")
        #expect(type("java", "io.confluent.support.metrics.SupportedKafka") == "kafka")
        #expect(type("java", "org.apache.zookeeper.server.quorum.QuorumPeerMain") == "zookeeper")
        #expect(type("java", "org.apache.cassandra.service.CassandraDaemon") == "cassandra")
        #expect(type("java", "org.apache.catalina.startup.Bootstrap", "start") == "tomcat")
        #expect(type("/usr/lib/erlang/beam.smp", "-s", "rabbit", "boot") == "rabbitmq")
        #expect(type("beam.smp", "-root", "/opt/couchdb") == "couchbase")
        // The word must stand in the arguments of this process, not of one whose command is missing.
        #expect(type("", "kafka.Kafka") == nil)
    }

    /// The executable speaks for languages only, and only where the command says nothing.
    @Test func executables() {
        #expect(type("gunicorn: worker", executable: "/usr/bin/python3.11") == "python")
        #expect(type("app", executable: "/usr/local/bin/node") == "nodejs")
        #expect(type("puma 6.0", executable: "/usr/bin/ruby3.1") == "ruby")
        #expect(type("web", executable: "/usr/sbin/php-fpm8.2") == "php")
        #expect(type("x", executable: "/usr/sbin/nginx") == nil)
        #expect(type("nginx", executable: "/usr/bin/python3") == "nginx")
        #expect(type("x", executable: "/usr/bin/python3 (deleted)") == nil)
    }

    @Test func anyBytes() {
        for count in 0..<64 {
            let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max) }
            _ = ApplicationType.detect(commandLine: bytes, executable: String(decoding: bytes, as: UTF8.self))
        }
        #expect(ApplicationType.detect(commandLine: Array("nginx".utf8)) == .nginx)
    }

    @Test func namesAreOnce() {
        #expect(Set(ApplicationType.allCases.map(\.rawValue)).count == ApplicationType.allCases.count)
    }
}
