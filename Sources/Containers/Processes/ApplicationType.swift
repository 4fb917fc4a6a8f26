/// What a process runs, as far as its command line tells: the label `application_type`.
///
/// Names, rules and their order are coroot-node-agent's. The rules are plain tests on bytes, so any command line will do.
public enum ApplicationType: String, Sendable, CaseIterable {
    case corootCommunityEdition = "coroot-community-edition"
    case corootEnterpriseEdition = "coroot-enterprise-edition"
    case corootNodeAgent = "coroot-node-agent"
    case corootClusterAgent = "coroot-cluster-agent"
    case corootOperator = "coroot-operator"
    case memcached, envoy, elasticsearch, opensearch, kafka, mongodb, mongos, mysql, mssql, zookeeper
    case redis
    case redisSentinel = "redis-sentinel"
    case keydb, valkey, dragonfly, rabbitmq, couchbase, pgbouncer, postgres, haproxy, nginx, kubelet
    case kubeAPIServer = "kube-apiserver"
    case kubeControllerManager = "kube-controller-manager"
    case kubeScheduler = "kube-scheduler"
    case k3s, etcd, dockerd, consul, cassandra, clickhouse, traefik, aerospike, httpd, influxdb, tomcat, vault, proxysql
    case cockroach, prometheus, ceph, rook, nats, java, ollama, foundationdb
    case victoriaMetrics = "victoria-metrics"
    case victoriaLogs = "victoria-logs"
    case php, python, nodejs, ruby
    case golang, rust, dotnet

    private enum Test {
        /// The command ends so.
        case suffix(String)
        /// The command has it somewhere.
        case command(String)
        /// The whole command line has it somewhere.
        case line(String)
        /// The command ends so and the command line has the other somewhere.
        case both(suffix: String, line: String)
        /// The command ends so, with or without a version (`3`, `3.11`) behind.
        case versioned(String)
    }

    private static let rules: [(Test, ApplicationType)] = [
        (.suffix("coroot"), .corootCommunityEdition), (.suffix("coroot-ee"), .corootEnterpriseEdition),
        (.suffix("coroot-node-agent"), .corootNodeAgent), (.suffix("coroot-cluster-agent"), .corootClusterAgent),
        (.suffix("coroot-operator"), .corootOperator), (.suffix("memcached"), .memcached), (.suffix("envoy"), .envoy),
        (.line("org.elasticsearch.bootstrap"), .elasticsearch), (.line("org.opensearch.bootstrap"), .opensearch),
        (.line("kafka.Kafka"), .kafka), (.line("io.confluent.support.metrics.SupportedKafka"), .kafka),
        (.suffix("mongod"), .mongodb), (.suffix("mongos"), .mongos), (.suffix("mysqld"), .mysql),
        (.suffix("mariadbd"), .mysql), (.suffix("sqlservr"), .mssql),
        (.line("org.apache.zookeeper.server.quorum.QuorumPeerMain"), .zookeeper), (.suffix("redis-server"), .redis),
        (.suffix("redis-sentinel"), .redisSentinel), (.suffix("keydb-server"), .keydb),
        (.suffix("valkey-server"), .valkey), (.suffix("dragonfly"), .dragonfly),
        (.both(suffix: "beam.smp", line: "rabbit"), .rabbitmq), (.both(suffix: "beam.smp", line: "couch"), .couchbase),
        (.suffix("pgbouncer"), .pgbouncer), (.suffix("postgres"), .postgres), (.suffix("haproxy"), .haproxy),
        (.suffix("nginx"), .nginx), (.suffix("w3wp"), .dotnet), (.suffix("kubelet"), .kubelet),
        (.suffix("kube-apiserver"), .kubeAPIServer), (.suffix("kube-controller-manager"), .kubeControllerManager),
        (.suffix("kube-scheduler"), .kubeScheduler), (.suffix("k3s"), .k3s), (.suffix("etcd"), .etcd),
        (.suffix("dockerd"), .dockerd), (.suffix("consul"), .consul),
        (.line("org.apache.cassandra.service.CassandraDaemon"), .cassandra),
        (.suffix("clickhouse-server"), .clickhouse),
        (.suffix("traefik"), .traefik), (.suffix("asd"), .aerospike), (.suffix("httpd"), .httpd),
        (.suffix("apache"), .httpd), (.suffix("influxd"), .influxdb),
        (.line("org.apache.catalina.startup.Bootstrap"), .tomcat), (.suffix("vault"), .vault),
        (.suffix("proxysql"), .proxysql), (.suffix("cockroach"), .cockroach), (.suffix("prometheus"), .prometheus),
        (.suffix("ceph-mon"), .ceph), (.suffix("ceph-mgr"), .ceph), (.suffix("ceph-osd"), .ceph),
        (.suffix("cephcsi"), .ceph), (.suffix("rook"), .rook), (.suffix("nats-server"), .nats),
        (.suffix("java"), .java),
        (.suffix("ollama"), .ollama), (.suffix("fdbserver"), .foundationdb),
        (.command("victoria-metrics"), .victoriaMetrics), (.command("vmstorage"), .victoriaMetrics),
        (.command("vminsert"), .victoriaMetrics), (.command("vmselect"), .victoriaMetrics),
        (.command("victoria-logs"), .victoriaLogs),
    ]

    private static let languageRules: [(Test, ApplicationType)] = [
        (.versioned("php"), .php), (.versioned("php-fpm"), .php), (.versioned("php-cgi"), .php),
        (.versioned("python"), .python), (.versioned("node"), .nodejs), (.versioned("nodejs"), .nodejs),
        (.versioned("ruby"), .ruby),
    ]

    /// The type of a process.
    ///
    /// - Parameters:
    ///   - commandLine: /proc/PID/cmdline: arguments, each ended by a zero byte.
    ///   - executable: the target of /proc/PID/exe, for languages whose programs rename themselves; empty if unknown.
    public static func detect(commandLine: [UInt8], executable: String = "") -> ApplicationType? {
        let command = Self.command(of: commandLine)
        if !command.isEmpty, let type = first(rules, command, commandLine) ?? first(languageRules, command, commandLine)
        {
            return type
        }
        return first(languageRules, Array(executable.utf8)[...], [])
    }

    /// The first word of the first argument, without a colon at its end: `nginx: master process …` is `nginx`.
    static func command(of commandLine: [UInt8]) -> ArraySlice<UInt8> {
        let isBlank = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
        let first = commandLine.prefix { $0 != 0 }.drop(while: isBlank)
        let word = first.prefix { !isBlank($0) }
        return word.last == UInt8(ascii: ":") ? word.dropLast() : word
    }

    private static func first(
        _ rules: [(Test, ApplicationType)], _ command: ArraySlice<UInt8>, _ line: [UInt8]
    ) -> ApplicationType? {
        rules.first { rule in
            switch rule.0 {
            case .suffix(let text): command.ends(with: text)
            case .command(let text): command.contains(text)
            case .line(let text): line[...].contains(text)
            case .both(let suffix, let text): command.ends(with: suffix) && line[...].contains(text)
            case .versioned(let text): command.withoutVersion.ends(with: text)
            }
        }?.1
    }
}

extension ArraySlice<UInt8> {
    func ends(with text: String) -> Bool {
        count >= text.utf8.count && suffix(text.utf8.count).elementsEqual(text.utf8)
    }

    func contains(_ text: String) -> Bool {
        guard let initial = text.utf8.first else { return true }
        var rest = self
        while let index = rest.firstIndex(of: initial) {
            rest = rest[index...]
            if rest.starts(with: text.utf8) { return true }
            rest = rest.dropFirst()
        }
        return false
    }

    /// Without digits at its end, and digits with a point before them.
    fileprivate var withoutVersion: ArraySlice<UInt8> {
        func dropDigits(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
            bytes.prefix(
                through: bytes.lastIndex { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? bytes.startIndex
                    - 1)
        }
        let minor = dropDigits(self)
        return minor.last == UInt8(ascii: ".") ? dropDigits(minor.dropLast()) : minor
    }
}
