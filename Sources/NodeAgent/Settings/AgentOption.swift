/// The options of the agent: the one list from which flags, environment variables and keys of the configuration file
/// take their names.
///
/// Names and values are those of coroot-node-agent where it has the option; `config`, `user-services`,
/// `compose-app-id`, `container-label`, `log-level`, `gc-interval`, `disable-cloud-metadata`, those about privileges, `io`
/// and those about pushing from `client-cert` on are this agent's own.
enum AgentOption: String, CaseIterable, Sendable {
    case config
    case listen
    case cgroupfsRoot = "cgroupfs-root"
    case skipSystemdSystemServices = "skip-systemd-system-services"
    case systemdSocket = "systemd-socket"
    case userServices = "user-services"
    case composeAppID = "compose-app-id"
    case containerLabel = "container-label"
    case containerAllowlist = "container-allowlist"
    case containerDenylist = "container-denylist"
    case minContainerAge = "min-container-age"
    case trackPublicNetwork = "track-public-network"
    case ephemeralPortRange = "ephemeral-port-range"
    case disablePinger = "disable-pinger"
    case maxFqdnsPerContainer = "max-fqdns-per-container"
    case disableL7Tracing = "disable-l7-tracing"
    case instrumentationDelay = "instrumentation-delay"
    case excludeHTTPRequestsByPath = "exclude-http-requests-by-path"
    case captureBytes = "capture-bytes"
    case provider
    case region
    case availabilityZone = "availability-zone"
    case instanceType = "instance-type"
    case instanceLifeCycle = "instance-life-cycle"
    case disableCloudMetadata = "disable-cloud-metadata"
    case disableGPUMonitoring = "disable-gpu-monitoring"
    case collectorEndpoint = "collector-endpoint"
    case metricsEndpoint = "metrics-endpoint"
    case logsEndpoint = "logs-endpoint"
    case tracesEndpoint = "traces-endpoint"
    case otlpCompression = "otlp-compression"
    case tracesSampling = "traces-sampling"
    case tracesSemconv = "traces-semconv"
    case tracesInbound = "traces-inbound"
    case obfuscateQueries = "obfuscate-queries"
    case apiKey = "api-key"
    case caFile = "ca-file"
    case insecureSkipVerify = "insecure-skip-verify"
    case clientCert = "client-cert"
    case clientKey = "client-key"
    case bearerToken = "bearer-token"
    case bearerTokenFile = "bearer-token-file"
    case basicAuthUser = "basic-auth-user"
    case basicAuthPasswordFile = "basic-auth-password-file"
    case header
    case metricsProtocol = "metrics-protocol"
    case metricsCompression = "metrics-compression"
    case pushShards = "push-shards"
    case shutdownTimeout = "shutdown-timeout"
    case scrapeInterval = "scrape-interval"
    case walDir = "wal-dir"
    case maxSpoolSize = "max-spool-size"
    case spoolSync = "spool-sync"
    case metricAllowlist = "metric-allowlist"
    case metricDenylist = "metric-denylist"
    case externalLabel = "external-label"
    case maxSeriesPerContainer = "max-series-per-container"
    case maxSeries = "max-series"
    case staleOnShutdown = "stale-on-shutdown"
    case disableLogParsing = "disable-log-parsing"
    case disableJSONLogParsing = "disable-json-log-parsing"
    case logPatternsPerContainer = "log-patterns-per-container"
    case logPatternExtractionLimit = "log-pattern-extraction-limit"
    case maxLabelLength = "max-label-length"
    case logPath = "log-path"
    case logRedact = "log-redact"
    case journalDir = "journal-dir"
    case logLevel = "log-level"
    case logPerSecond = "log-per-second"
    case logBurst = "log-burst"
    case gcInterval = "gc-interval"
    case dropPrivileges = "drop-privileges"
    case keepCapabilities = "keep-capabilities"
    case runAs = "run-as"
    case seccomp
    case io

    var flag: String { "--" + rawValue }

    /// The flag in capitals, with underscores.
    var environmentName: String { String(rawValue.uppercased().map { $0 == "-" ? "_" : $0 }) }

    /// Whether it takes several values: the flag more than once, the environment variable with a line for each, a list
    /// in the file.
    var isRepeatable: Bool {
        self == .containerAllowlist || self == .containerDenylist || self == .containerLabel
            || self == .trackPublicNetwork || self == .metricAllowlist || self == .metricDenylist
            || self == .externalLabel || self == .metricsEndpoint || self == .header
            || self == .excludeHTTPRequestsByPath || self == .logPath || self == .logRedact
    }

    /// A value that is right, for messages.
    var example: String {
        switch self {
        case .config: "/etc/martlet-node.yaml"
        case .listen: "127.0.0.1:10300"
        case .cgroupfsRoot: "/sys/fs/cgroup"
        case .skipSystemdSystemServices, .userServices, .composeAppID, .insecureSkipVerify: "true"
        case .containerLabel: "com.example.team"
        case .systemdSocket: "/run/systemd/private"
        case .containerAllowlist: "^/k8s/shop/"
        case .containerDenylist: "^/k8s/kube-system/"
        case .minContainerAge: "30s"
        case .trackPublicNetwork: "203.0.113.0/24"
        case .ephemeralPortRange: "32768-60999"
        case .disablePinger: "true"
        case .maxFqdnsPerContainer: "50"
        case .disableL7Tracing: "true"
        case .instrumentationDelay: "30s"
        case .excludeHTTPRequestsByPath: "/healthz*"
        case .captureBytes: "1024"
        case .provider: "AWS"
        case .region: "eu-west-1"
        case .availabilityZone: "eu-west-1a"
        case .instanceType: "m7i.large"
        case .instanceLifeCycle: "on-demand"
        case .disableCloudMetadata, .disableGPUMonitoring: "true"
        case .collectorEndpoint: "https://coroot.example.com"
        case .metricsEndpoint: "https://prometheus.example.com/api/v1/write"
        case .logsEndpoint: "https://coroot.example.com/v1/logs"
        case .tracesEndpoint: "https://coroot.example.com/v1/traces"
        case .otlpCompression: "gzip"
        case .tracesSampling: "1.0"
        case .tracesSemconv: "old"
        case .tracesInbound, .obfuscateQueries: "true"
        case .apiKey: "KEY"
        case .caFile: "/etc/ssl/certs/ca.pem"
        case .clientCert: "/etc/ssl/martlet/tls.crt"
        case .clientKey: "/etc/ssl/martlet/tls.key"
        case .bearerToken: "TOKEN"
        case .bearerTokenFile: "/run/secrets/token"
        case .basicAuthUser: "martlet"
        case .basicAuthPasswordFile: "/run/secrets/password"
        case .header: "X-Scope-OrgID=tenant"
        case .metricsProtocol: "remote-write"
        case .metricsCompression: "auto"
        case .pushShards: "4"
        case .shutdownTimeout: "5s"
        case .scrapeInterval: "15s"
        case .walDir: "/var/lib/martlet-node"
        case .maxSpoolSize: "500MB"
        case .spoolSync: "segment"
        case .metricAllowlist: "container_*"
        case .metricDenylist: "container_net_latency_seconds"
        case .externalLabel: "cluster=eu-1"
        case .maxSeriesPerContainer: "10000"
        case .maxSeries: "300000"
        case .staleOnShutdown: "true"
        case .disableLogParsing, .disableJSONLogParsing: "true"
        case .logPatternsPerContainer: "256"
        case .logPatternExtractionLimit: "100"
        case .maxLabelLength: "4096"
        case .logPath: "/docker/shop=/srv/app/*.log"
        case .logRedact: "token"
        case .journalDir: "/var/log/journal"
        case .logLevel: "info"
        case .logPerSecond: "10"
        case .logBurst: "100"
        case .gcInterval: "10m"
        case .dropPrivileges, .seccomp: "true"
        case .keepCapabilities: "sys_ptrace,dac_read_search"
        case .runAs: "nobody"
        case .io: "automatic"
        }
    }
}
