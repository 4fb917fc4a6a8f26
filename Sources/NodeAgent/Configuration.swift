import Cloud
import Containers
import Export
import Host
import Kernel
import LogFiles
import Metrics
import Ring
import Signals
import Spool
import Traces
import Wire

/// Everything that the user can set, resolved and checked: the only form in which settings reach the agent.
struct Configuration: Sendable {
    /// HOST:PORT of the page.
    var listen = "127.0.0.1:10300"
    /// Whether the user chose `listen`.
    var listenIsExplicit = false
    var cgroupfsRoot = "/sys/fs/cgroup"
    var skipSystemdSystemServices = true
    /// Where systemd is asked, as the agent sees it; nil for the host's usual sockets.
    var systemdSocket: String?
    /// Ids and labels of containers.
    var identity = IdentityOptions()
    /// Regular expressions on container ids.
    var containerAllowlist: [String] = []
    var containerDenylist: [String] = []
    /// Nanoseconds.
    var minimumContainerAge: UInt64 = 30_000_000_000
    var trackedPublicNetworks: [CIDRBlock] = []
    var ephemeralPorts = PortRanges("32768-60999") ?? .none
    /// What the user says of the cloud instance; it wins over what the cloud says.
    var cloud = CloudMetadata()
    /// Whether the cloud is found out from the firmware and asked.
    var asksCloud = true
    var watchesGPUs = true
    var disablePinger = false
    /// Domain names of a container that are told apart in its series.
    var maximumNamesPerContainer = 50
    /// Whether requests are looked at.
    var watchesRequests = true
    /// Nanoseconds that a process has to be old before its TLS is looked into, unless it listens.
    var instrumentationDelay: UInt64 = 30_000_000_000
    /// HTTP requests that are left out.
    var excludedPaths: [PathPattern] = []
    /// Bytes of a segment that are captured.
    var captureBytes = 1024
    /// Nanoseconds between two remote writes, and between two rounds of echo requests.
    var scrapeInterval: UInt64 = 15_000_000_000
    /// Where requests wait that cannot be sent, and whether the user chose that.
    var walDirectory = "/tmp/coroot-node-agent"
    var walDirectoryIsExplicit = false
    /// 0 keeps them in memory only.
    var maximumSpoolBytes = 500 << 20
    var spoolDurability = SpoolConfiguration.Durability.segment
    /// Nanoseconds that closed and ended things are kept.
    var retention: UInt64 = 600_000_000_000
    /// URLs of the receivers of metrics; none switches pushing off.
    var metricsEndpoints: [String] = []
    /// URLs of the receivers of logs and traces.
    var logsEndpoint: String?
    var tracesEndpoint: String?
    /// Of logs and traces.
    var otlpCompression = PushCompression.auto
    var traces = TraceOptions()
    var metricsProtocol = MetricsProtocol.remoteWrite
    var metricsCompression = PushCompression.auto
    /// Requests to one receiver at once, at most.
    var pushShards = 4
    /// Nanoseconds that are spent on sending what waits when the agent ends.
    var shutdownTimeout: UInt64 = 5_000_000_000
    var apiKey: String?
    var caFile: String?
    var insecureSkipVerify = false
    var clientCertificate: String?
    var clientKey: String?
    var credentials = Credentials.none
    /// Sent with every request.
    var headers: [(name: String, value: String)] = []
    var proxies = ProxySettings()
    /// Metrics that are left out.
    var metricFilter = MetricFilter()
    /// Labels of every series that is pushed.
    var externalLabels = LabelSet.empty
    var seriesLimits = SeriesLimits()
    /// Whether the receiver is told at the end that all series have ended.
    var staleOnShutdown = false
    /// Whether the logs of containers are read.
    var readsLogs = true
    var logs = LogSettings()
    /// Lines of the agent's own log.
    var logPerSecond = 10.0
    var logBurst = 100
    var logLevel = "info"
    /// Whether capabilities that no part needs are given up once everything is attached.
    var dropsPrivileges = false
    /// What is kept then; nil stands for what the parts need.
    var keptCapabilities: Set<Capabilities.Name>?
    /// The user to become.
    var runAs: String?
    /// Whether the kernel refuses system calls that the agent never makes.
    var filtersSystemCalls = false
    /// What the lanes sleep on.
    var backend = Lane.Backend.automatic

    init() {}

    /// Where the page is served; nil if metrics are pushed and nobody asked for a page: then nothing listens.
    var page: String? { metricsEndpoints.isEmpty || listenIsExplicit ? listen : nil }

    /// Whether requests are wanted as texts, and not only as numbers.
    var wantsRequestTexts: Bool { !excludedPaths.isEmpty || tracesEndpoint != nil }

    /// The part of requests that is wanted as texts, if that is less than all.
    var drawnPart: Double? {
        tracesEndpoint != nil && excludedPaths.isEmpty && (0..<1).contains(traces.sampling) ? traces.sampling : nil
    }

    /// How receivers are reached.
    var transport: TransportConfiguration {
        var transport = TransportConfiguration(userAgent: "martlet-node/\(Version.current)")
        transport.apiKey = apiKey
        transport.credentials = credentials
        transport.headers = headers
        transport.caFile = caFile
        transport.clientCertificate = clientCertificate
        transport.clientKey = clientKey
        transport.skipsVerification = insecureSkipVerify
        transport.proxies = proxies
        return transport
    }
}
