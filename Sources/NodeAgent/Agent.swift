import Cloud
import Containers
import Export
import GPU
import Glibc
import Host
import Kernel
import Linux
import Logging
import Metrics
import Network
import Probes
import Ring
import Signals
import Spool

/// The node agent's life: wires the rooms together, runs until it is told to end, and takes everything down again.
enum Agent {
    /// How often cgroup files and open connections are read, in nanoseconds.
    private static let collectionInterval: UInt64 = 5_000_000_000
    private static let longestCollectionInterval: UInt64 = 60_000_000_000

    /// The same where nobody but the collector is shown anything: what it never gets need not be read.
    private static func collectionInterval(_ configuration: Configuration) -> UInt64 {
        guard configuration.page == nil else { return collectionInterval }
        return min(max(collectionInterval, configuration.scrapeInterval), longestCollectionInterval)
    }

    /// Runs until SIGTERM or SIGINT, or until the task is cancelled. Returns the process's exit code.
    static func run(_ prepared: PreparedAgent) async -> Int32 {
        do {
            try await serve(prepared, prepared.configuration, prepared.logger)
            return 0
        } catch let error as SpoolError {
            prepared.logger.critical("\(error)")
            return ExitStatus.cannotCreate
        } catch {
            prepared.logger.critical("\(error)")
            return 1
        }
    }

    /// The same in a process that has threads already, which keeps its privileges.
    static func run(_ configuration: Configuration, logger: Logger) async -> Int32 {
        do {
            return await run(try PreparedAgent(configuration, logger: logger, dropsPrivileges: false))
        } catch {
            logger.critical("\(error)")
            return 1
        }
    }

    private static func serve(
        _ prepared: PreparedAgent, _ configuration: Configuration, _ logger: Logger
    ) async throws {
        let (listen, layout, kernel) = (prepared.listen, prepared.layout, prepared.kernel)
        let identity = MachineIdentity.read()
        let common = LabelSet([("machine_id", identity.machineID), ("system_uuid", identity.systemUUID)])
        if !HostProcess.sharesProcessIDs {
            logger.warning("not in the host's pid namespace: names and images of containers stay unknown; use hostPID")
        }

        let events = try Lane(name: "events", backend: configuration.backend)
        let files = try Lane(name: "collector", backend: configuration.backend)
        let mechanism = try events.start()
        defer { events.stop() }
        try files.start()
        defer { files.stop() }

        let (faults, drops, features) = (CounterTable(), CounterTable(), FeatureTable())
        for part in prepared.privileges.parts { features.set(part.feature, isEnabled: part.isEnabled) }
        let hostNetns = UInt32((try? NetworkNamespace.inode(pid: HostProcess.pid())) ?? 0)
        let translations = TranslationSetup.make(
            hostNetns: hostNetns, faults: faults, features: features, logger: logger)
        let registryConfiguration = RegistryConfiguration(
            context: ContainerContext(
                filter: ConnectionFilter(
                    ephemeral: configuration.ephemeralPorts, tracked: configuration.trackedPublicNetworks),
                hostNetns: hostNetns, minimumAge: configuration.minimumContainerAge,
                retention: configuration.retention, common: common.adding(configuration.cloud.placementLabels),
                drops: drops, faults: faults, translations: translations, labels: configuration.identity.labels,
                maximumNames: configuration.maximumNamesPerContainer, hostName: identity.instanceName,
                hostID: identity.machineID),
            layout: layout,
            containerFilter: try ContainerFilter(
                allow: configuration.containerAllowlist, deny: configuration.containerDenylist),
            serviceFilter: SystemdServiceFilter(isEnabled: configuration.skipSystemdSystemServices),
            identity: configuration.identity)
        let cloud = CloudDiscovery(overrides: configuration.cloud, isEnabled: configuration.asksCloud)
        let gpus = configuration.watchesGPUs ? GPUCollector(hostRoot: HostRoot.path()) : nil
        let resolver = MetadataResolver(configuration.resolver)
        let collector = ResourceCollector(lane: files, layout: layout, common: common, faults: faults)
        let systemd = SystemdManager(systemdConfiguration(configuration))
        let registry = Registry(
            lane: events, configuration: registryConfiguration, resolver: resolver, collector: collector,
            systemd: systemd)
        let connections = ConnectionSignal(lane: events, registry: registry)
        let spools = try Spools(configuration, logger)
        defer { spools.stop() }
        let telemetry = try Telemetry(configuration, spools, logger)
        let requests = RequestSignal(
            lane: events, kernel: kernel, registry: registry, connections: connections,
            settings: requestSettings(configuration, telemetry.spans))
        let writes = FileSignal(lane: events, registry: registry)
        let drain = Drain(
            lane: events, kernel: kernel, registry: registry,
            processSignal: ProcessSignal(lane: events, registry: registry),
            cgroupSignal: CgroupSignal(lane: events, registry: registry), connectionSignal: connections,
            requestSignal: configuration.watchesRequests ? requests : nil, fileSignal: writes)
        let fileScan = FileScan(lane: files, kernel: kernel, signal: writes, faults: faults)
        let discovery = Discovery(
            lane: files, layout: layout, kernel: kernel, registry: registry, connectionSignal: connections,
            faults: faults)
        let opener = NamespaceOpener(
            lane: files, registry: registry, connectionSignal: connections, faults: faults)
        let probes =
            configuration.watchesRequests && kernel.isEnabled(.tls)
            ? ProbeKeeper(
                lane: files, kernel: kernel, registry: registry, faults: faults,
                delay: configuration.instrumentationDelay) : nil
        let source = SeriesSource(
            common: common, cloud: cloud, gpus: gpus, kernel: kernel, registry: registry, drain: drain,
            probes: probes, collector: collector, resolver: resolver, systemd: systemd, faults: faults, drops: drops,
            features: features,
            isPushing: !configuration.metricsEndpoints.isEmpty)
        let series = SeriesPipeline(
            source, common: common, filter: configuration.metricFilter, limits: configuration.seriesLimits,
            staleOnShutdown: configuration.staleOnShutdown, logger: logger, spent: source.add(cost:))
        for pattern in configuration.metricFilter.unmatched {
            logger.warning("\(UsageError.quoted(pattern)) of the metric lists is the name of no metric")
        }

        let interval = collectionInterval(configuration)
        await registry.startInspecting()
        try await drain.start(
            upkeep: Drain.Upkeep(
                discovery: discovery, opener: opener, sampling: interval,
                collection: configuration.retention))
        await collector.start(registry: registry, interval: interval)
        await fileScan.start(interval: 2 * interval)
        await probes?.start()
        if ProcessDelays.countsDisk() == false {
            logger.warning(
                "container_resources_disk_delay_seconds_total stays 0: kernel.task_delayacct is off; switch it on with sysctl kernel.task_delayacct=1"
            )
        }

        await start(cloud, registry, common, faults, logger)
        if let gpus { start(gpus, registry, faults, drops, logger) }
        await startLatency(configuration, files, registry, drain, faults, features, logger)

        let ready = ReadyFlag()
        let server = listen.map { MetricsServer(listen: $0, source: series.page, isReady: { ready.isSet }) }
        try await server?.start()
        let push = try Push(configuration, identity, series.push, spools, logger)
        source.attach(server: server, push: push, telemetry: telemetry)
        telemetry.start()
        let logs = try LogSetup.make(
            configuration, identity, registry, sink: telemetry.logs, drops: drops, faults: faults)
        defer { logs?.lane.stop() }
        if let logs { await LogSetup.start(logs, interval: interval, features, logger) }
        let page = (server?.boundAddress ?? listen).map { "listens on \($0)" } ?? "listens nowhere"
        let urls = (push.map { [$0.receivers] } ?? []) + telemetry.receivers
        let receivers = urls.isEmpty ? "" : ", pushes to \(urls.joined(separator: ", "))"
        logger.info(
            "martlet-node \(Version.current) \(page)\(receivers) (\(mechanism), \(layout.mode.rawValue) cgroups)")

        // Every thread that the agent has from now on was made by one of these.
        try prepared.drop?.verify()

        let scan = Task {
            await discovery.run()
            ready.set()
            await push?.metrics.start()
        }
        let number = await TerminationSignal.wait()
        logger.info("ending on \(number == SIGTERM ? "SIGTERM" : "SIGINT")")
        scan.cancel()
        await logs?.signal.stop()
        let timeout = Duration.nanoseconds(Int64(clamping: configuration.shutdownTimeout))
        let deadline = ContinuousClock.now + timeout
        async let closing: Void? = server?.shutdown()
        await drain.finish(timeout: min(timeout / 4, .seconds(2)))
        // The last metrics say what became of the last logs and spans, if that is known by then.
        await telemetry.shutdown(until: push == nil ? deadline : ContinuousClock.now + timeout / 2)
        await push?.metrics.shutdown(timeout: ContinuousClock.now.duration(to: deadline))
        await logs?.signal.finish()
        await closing
    }

    private static func requestSettings(_ configuration: Configuration, _ spans: SpanPush?) -> RequestSettings {
        let patterns = configuration.excludedPaths
        if patterns.isEmpty { return RequestSettings(spans: spans) }
        return RequestSettings(spans: spans) { path in patterns.contains { $0.matches(path) } }
    }

    private static func startLatency(
        _ configuration: Configuration, _ lane: Lane, _ registry: Registry, _ drain: Drain, _ faults: CounterTable,
        _ features: FeatureTable, _ logger: Logger
    ) async {
        features.set("latency_icmp", isEnabled: false)
        if configuration.disablePinger { return }
        let probe = LatencyProbe(lane: lane, registry: registry, drain: drain, faults: faults)
        await probe.start(interval: max(configuration.scrapeInterval, 1_000_000_000))
        features.set("latency_icmp", isEnabled: probe.canSendEchoes)
        if !probe.canSendEchoes {
            logger.warning("latency_icmp is off: round-trip times are those of TCP connections; it needs CAP_NET_RAW")
        }
    }

    /// How long containers are not shown while the cloud is asked for their labels `az` and `region`, in nanoseconds.
    private static let placementTime: UInt64 = 10_000_000_000

    private static func start(
        _ cloud: CloudDiscovery, _ registry: Registry, _ common: LabelSet, _ faults: CounterTable, _ logger: Logger
    ) async {
        if !cloud.isPlacementKnown { await registry.hold(until: MonotonicClock.now() + placementTime) }
        cloud.start { event in
            switch event {
            case .found(let metadata):
                logger.info("the node is an instance of \(metadata.provider)")
                guard !cloud.isPlacementKnown else { return }
                Task { await registry.relabel(common: common.adding(metadata.placementLabels)) }
            case .failed(let provider, let reason, let pause):
                faults.add("cloud_metadata")
                let next = pause.map { "asked again in \($0) s" } ?? "not asked again"
                logger.log(
                    level: pause == CloudDiscovery.firstPause ? .warning : .debug,
                    "the metadata service of \(provider.rawValue) does not answer: \(reason); \(next)")
                Task { await registry.release() }
            }
        }
    }

    private static func start(
        _ gpus: GPUCollector, _ registry: Registry, _ faults: CounterTable, _ drops: CounterTable, _ logger: Logger
    ) {
        gpus.start { event in
            switch event {
            case .found(let library): logger.info("GPUs are watched through \(library)")
            case .full(let processes): drops.add("gpu_processes_full", UInt64(processes))
            case .failed(let library, let reason, let isFirst):
                faults.add("gpu")
                logger.log(
                    level: isFirst ? .warning : .debug, "GPUs are not watched: \(library): \(reason); tried again")
            }
        } deliver: { processes in
            Task { await registry.update(gpu: processes) }
        }
    }

    private static func systemdConfiguration(_ configuration: Configuration) -> SystemdManager.Configuration {
        var systemd = SystemdManager.Configuration()
        systemd.hostRoot = HostRoot.path()
        if let path = configuration.systemdSocket { (systemd.hostRoot, systemd.sockets) = ("/", [path]) }
        return systemd
    }
}
