import Containers
import Export
import Host
import Metrics
import Ring
import Spool
import Traces
import Wire

extension Configuration {
    /// Reads and checks every setting. What is not set anywhere keeps its default.
    init(_ sources: ConfigurationSources) throws(UsageError) {
        self.init()
        trackedPublicNetworks = CIDRBlock("0.0.0.0/0").map { [$0] } ?? []
        var collector: String?
        var (allowed, denied): ([String], [String]) = ([], [])
        for option in AgentOption.allCases {
            guard let setting = sources.setting(option) else { continue }
            switch option {
            case .config: break
            case .listen:
                listen = try setting.listenAddress()
                listenIsExplicit = true
            case .cgroupfsRoot: cgroupfsRoot = try setting.directory()
            case .skipSystemdSystemServices: skipSystemdSystemServices = try setting.boolean()
            case .systemdSocket: systemdSocket = try setting.absolutePath()
            case .userServices: identity.userServices = try setting.boolean()
            case .composeAppID: identity.composeAppID = try setting.boolean()
            case .containerLabel: identity.labels = try setting.containerLabels()
            case .containerAllowlist: containerAllowlist = try setting.patterns()
            case .containerDenylist: containerDenylist = try setting.patterns()
            case .minContainerAge: minimumContainerAge = try setting.duration()
            case .trackPublicNetwork: trackedPublicNetworks = try setting.cidrBlocks()
            case .ephemeralPortRange: ephemeralPorts = try setting.portRanges()
            case .disablePinger: disablePinger = try setting.boolean()
            case .maxFqdnsPerContainer: maximumNamesPerContainer = try setting.count()
            case .disableL7Tracing: watchesRequests = try !setting.boolean()
            case .instrumentationDelay: instrumentationDelay = try setting.duration(allowsZero: true)
            case .excludeHTTPRequestsByPath: excludedPaths = try setting.pathPatterns()
            case .captureBytes: captureBytes = try setting.count(in: 64...16384)
            case .provider: cloud.provider = try setting.label()
            case .region: cloud.region = try setting.label()
            case .availabilityZone: cloud.availabilityZone = try setting.label()
            case .instanceType: cloud.instanceType = try setting.label()
            case .instanceLifeCycle: cloud.instanceLifeCycle = try setting.label()
            case .disableCloudMetadata: asksCloud = try !setting.boolean()
            case .disableGPUMonitoring: watchesGPUs = try !setting.boolean()
            case .collectorEndpoint: collector = try setting.url()
            case .metricsEndpoint: metricsEndpoints = try setting.urls()
            case .logsEndpoint: logsEndpoint = try setting.url()
            case .tracesEndpoint: tracesEndpoint = try setting.url()
            case .otlpCompression: otlpCompression = try setting.choice(of: PushCompression.self)
            case .tracesSampling: traces.sampling = try setting.number()
            case .tracesSemconv: traces.conventions = try setting.choice(of: TraceOptions.Conventions.self)
            case .tracesInbound: traces.includesInbound = try setting.boolean()
            case .obfuscateQueries: traces.obfuscatesQueries = try setting.boolean()
            case .apiKey: apiKey = try setting.secret()
            case .caFile: caFile = try setting.certificateFile()
            case .insecureSkipVerify: insecureSkipVerify = try setting.boolean()
            case .clientCert: clientCertificate = try setting.certificateFile()
            case .clientKey: clientKey = try setting.keyFile()
            case .bearerToken: credentials = try setting.secret().map { .bearer($0) } ?? .none
            case .bearerTokenFile: credentials = .bearerFile(try setting.secretFile())
            // Both at `basicAuthPasswordFile`.
            case .basicAuthUser: break
            case .basicAuthPasswordFile:
                credentials = .basic(user: sources.setting(.basicAuthUser)?.text() ?? "", try setting.secretFile())
            case .header: headers = try setting.headers()
            case .metricsProtocol: metricsProtocol = try setting.choice(of: MetricsProtocol.self)
            case .metricsCompression: metricsCompression = try setting.choice(of: PushCompression.self)
            case .pushShards: pushShards = try setting.count(in: 1...64)
            case .shutdownTimeout: shutdownTimeout = try setting.duration()
            case .walDir:
                walDirectory = try setting.path()
                walDirectoryIsExplicit = true
            case .maxSpoolSize: maximumSpoolBytes = try setting.size()
            case .spoolSync: spoolDurability = try setting.choice(of: SpoolConfiguration.Durability.self)
            case .scrapeInterval: scrapeInterval = try setting.duration(allowsZero: false)
            case .metricAllowlist: allowed = try setting.metricPatterns()
            case .metricDenylist: denied = try setting.metricPatterns()
            case .externalLabel: externalLabels = LabelSet(try setting.externalLabels())
            case .maxSeriesPerContainer: seriesLimits.perContainer = try setting.positiveCount()
            case .maxSeries: seriesLimits.perAgent = try setting.positiveCount()
            case .staleOnShutdown: staleOnShutdown = try setting.boolean()
            case .disableLogParsing: readsLogs = try !setting.boolean()
            case .disableJSONLogParsing: logs.parsesJSON = try !setting.boolean()
            case .logPatternsPerContainer: logs.patternsPerContainer = try setting.count(in: 0...100_000)
            case .logPatternExtractionLimit: logs.patternExtractionLimit = try setting.count()
            case .maxLabelLength: logs.maximumLabelLength = try setting.count(in: 1...LabelSet.maximumValueLength)
            case .logPath: logs.paths = try setting.logPaths()
            case .logRedact: logs.redaction = try setting.redaction()
            case .journalDir: logs.journalDirectory = try setting.absolutePath()
            case .logLevel: logLevel = try setting.logLevel()
            case .logPerSecond: logPerSecond = try setting.number()
            case .logBurst: logBurst = try setting.count()
            case .gcInterval: retention = try setting.duration(allowsZero: false)
            case .dropPrivileges: dropsPrivileges = try setting.boolean()
            case .keepCapabilities: keptCapabilities = try setting.capabilities()
            case .runAs: runAs = try setting.user()
            case .seccomp: filtersSystemCalls = try setting.boolean()
            case .io: backend = try setting.choice(of: Lane.Backend.self)
            }
        }
        metricFilter = MetricFilter(allow: allowed, deny: denied)
        // A user without capabilities sees nothing, and one with all of them is root.
        if runAs != nil || keptCapabilities != nil { dropsPrivileges = true }
        if let collector {
            if metricsEndpoints.isEmpty { metricsEndpoints = [Self.path("/v1/metrics", below: collector)] }
            logsEndpoint = logsEndpoint ?? Self.path("/v1/logs", below: collector)
            tracesEndpoint = tracesEndpoint ?? Self.path("/v1/traces", below: collector)
        }
        try checkPush(sources)
    }

    /// Where a collector takes a signal: `path` after the path of its URL, before the query.
    private static func path(_ path: String, below collector: String) -> String {
        let end = collector.firstIndex { $0 == "?" || $0 == "#" } ?? collector.endIndex
        var base = collector[..<end]
        while base.hasSuffix("/") { base.removeLast() }
        return base + path + collector[end...]
    }
}
