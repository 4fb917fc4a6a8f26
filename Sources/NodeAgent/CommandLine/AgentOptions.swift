import ArgumentParser

/// The flags of the agent, as texts: `Configuration` checks them together with those of the other sources, so that
/// errors read the same wherever a value came from.
struct AgentOptions: ParsableArguments {
    @OptionGroup(title: "Listening") var listening: ListeningOptions
    @OptionGroup(title: "Containers") var containers: ContainerOptions
    @OptionGroup(title: "Network") var network: NetworkOptions
    @OptionGroup(title: "Requests") var requests: RequestOptions
    @OptionGroup(title: "Traces") var traces: TraceFlags
    @OptionGroup(title: "Node") var node: NodeOptions
    @OptionGroup(title: "Push") var push: PushOptions
    @OptionGroup(title: "Series") var series: SeriesOptions
    @OptionGroup(title: "Logs of containers") var logs: LogOptions
    @OptionGroup(title: "Logging") var logging: LoggingOptions
    @OptionGroup(title: "Privileges") var privileges: PrivilegeOptions
    @OptionGroup(title: "Advanced") var advanced: AdvancedOptions

    /// What was given.
    var flags: [AgentOption: [String]] {
        func one(_ text: String?) -> [String] { text.map { [$0] } ?? [] }
        func one(_ flag: Bool?) -> [String] { flag.map { ["\($0)"] } ?? [] }
        return [
            .config: one(advanced.config),
            .listen: one(listening.listen),
            .cgroupfsRoot: one(containers.cgroupfsRoot),
            .skipSystemdSystemServices: one(containers.skipSystemdSystemServices),
            .systemdSocket: one(advanced.systemdSocket),
            .userServices: one(containers.userServices),
            .composeAppID: one(containers.composeAppID),
            .containerLabel: containers.containerLabel,
            .containerAllowlist: containers.containerAllowlist,
            .containerDenylist: containers.containerDenylist,
            .minContainerAge: one(containers.minContainerAge),
            .trackPublicNetwork: network.trackPublicNetwork,
            .ephemeralPortRange: one(network.ephemeralPortRange),
            .disablePinger: one(network.disablePinger),
            .maxFqdnsPerContainer: one(network.maxFqdnsPerContainer),
            .disableL7Tracing: one(requests.disableL7Tracing),
            .instrumentationDelay: one(requests.instrumentationDelay),
            .excludeHTTPRequestsByPath: requests.excludeHTTPRequestsByPath,
            .captureBytes: one(requests.captureBytes),
            .provider: one(node.provider),
            .region: one(node.region),
            .availabilityZone: one(node.availabilityZone),
            .instanceType: one(node.instanceType),
            .instanceLifeCycle: one(node.instanceLifeCycle),
            .disableCloudMetadata: one(node.disableCloudMetadata),
            .disableGPUMonitoring: one(node.disableGPUMonitoring),
            .collectorEndpoint: one(push.collectorEndpoint),
            .metricsEndpoint: push.metricsEndpoint,
            .logsEndpoint: one(push.otlp.logsEndpoint),
            .tracesEndpoint: one(push.otlp.tracesEndpoint),
            .otlpCompression: one(push.otlp.otlpCompression),
            .tracesSampling: one(traces.tracesSampling),
            .tracesSemconv: one(traces.tracesSemconv),
            .tracesInbound: one(traces.tracesInbound),
            .obfuscateQueries: one(traces.obfuscateQueries),
            .apiKey: one(push.apiKey),
            .caFile: one(push.caFile),
            .insecureSkipVerify: one(push.insecureSkipVerify),
            .clientCert: one(push.transport.clientCert),
            .clientKey: one(push.transport.clientKey),
            .bearerToken: one(push.transport.bearerToken),
            .bearerTokenFile: one(push.transport.bearerTokenFile),
            .basicAuthUser: one(push.transport.basicAuthUser),
            .basicAuthPasswordFile: one(push.transport.basicAuthPasswordFile),
            .header: push.transport.header,
            .metricsProtocol: one(push.metricsProtocol),
            .metricsCompression: one(push.metricsCompression),
            .pushShards: one(push.pushShards),
            .shutdownTimeout: one(push.shutdownTimeout),
            .scrapeInterval: one(push.scrapeInterval),
            .walDir: one(push.walDir),
            .maxSpoolSize: one(push.maxSpoolSize),
            .spoolSync: one(push.spoolSync),
            .metricAllowlist: series.metricAllowlist,
            .metricDenylist: series.metricDenylist,
            .externalLabel: series.externalLabel,
            .maxSeriesPerContainer: one(series.maxSeriesPerContainer),
            .maxSeries: one(series.maxSeries),
            .staleOnShutdown: one(series.staleOnShutdown),
            .disableLogParsing: one(logs.disableLogParsing),
            .disableJSONLogParsing: one(logs.disableJSONLogParsing),
            .logPatternsPerContainer: one(logs.logPatternsPerContainer),
            .logPatternExtractionLimit: one(logs.logPatternExtractionLimit),
            .maxLabelLength: one(logs.maxLabelLength),
            .logPath: logs.logPath,
            .logRedact: logs.logRedact,
            .journalDir: one(logs.journalDir),
            .logLevel: one(logging.logLevel),
            .logPerSecond: one(logging.logPerSecond),
            .logBurst: one(logging.logBurst),
            .gcInterval: one(advanced.gcInterval),
            .dropPrivileges: one(privileges.dropPrivileges),
            .keepCapabilities: one(privileges.keepCapabilities),
            .runAs: one(privileges.runAs),
            .seccomp: one(privileges.seccomp),
            .io: one(advanced.io),
        ]
    }

    /// The settings of all sources, checked.
    func configuration() throws(UsageError) -> Configuration {
        try Configuration(try ConfigurationSources.load(flags: flags))
    }
}
