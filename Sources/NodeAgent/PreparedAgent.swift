import Export
import Glibc
import Host
import Kernel
import Linux
import Logging

/// What the agent has before it has threads: the kernel side, attached, and no privileges but those that it needs from now on.
struct PreparedAgent: Sendable {
    let configuration: Configuration
    let logger: Logger
    /// Nil: nothing listens.
    let listen: ListenAddress?
    let layout: CgroupLayout
    let kernel: KernelSide
    let privileges: PrivilegeState
    /// Nil if nothing was given up.
    let drop: PrivilegeDrop?

    /// - Parameter dropsPrivileges: whether the configuration's wish to give up privileges is followed; the process must
    ///   have one thread then.
    init(_ configuration: Configuration, logger: Logger, dropsPrivileges: Bool) throws {
        self.configuration = configuration
        self.logger = logger
        listen = try configuration.page.map { try ListenAddress($0) }
        layout = try CgroupLayout.detect(root: configuration.cgroupfsRoot)
        var settings = KernelSide.Configuration(
            processors: Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))),
            memoryHierarchy: layout.hierarchyID(of: .memory) ?? 0)
        settings.cgroupRoot = layout.v2Mount
        settings.captureBytes = configuration.captureBytes
        settings.countsHTTP = !configuration.wantsRequestTexts || configuration.drawnPart != nil
        settings.drawnPart = configuration.drawnPart
        var wanted = Set(Feature.allCases)
        if !configuration.watchesRequests { wanted.subtract([.requests, .requestSamples, .tls, .tlsSockets]) }
        kernel = try KernelSide(settings, wanted: wanted)
        for state in kernel.features where !state.isEnabled && wanted.contains(state.feature) {
            logger.warning("\(state.feature.rawValue) is off: \(state.reason); it needs \(state.feature.requirement)")
        }

        let situation = Privilege.Situation(
            configuration: configuration, bpfNeedsCapability: kernel.needsCapabilityWhileRunning(),
            portIsPrivileged: listen.map { Self.isPrivileged($0.port) } ?? false)
        if dropsPrivileges && (configuration.dropsPrivileges || configuration.filtersSystemCalls) {
            let drop = try PrivilegeDrop(configuration, needed: Privilege.minimum(situation))
            let outcome = try drop.apply()
            logger.info("\(outcome)")
            self.drop = drop
        } else {
            drop = nil
        }
        privileges = PrivilegeState(situation, held: .current())
        for part in privileges.parts where !part.isEnabled { logger.warning("\(part.feature) is off: \(part.reason)") }
    }

    /// Whether only CAP_NET_BIND_SERVICE may listen on the port (`net.ipv4.ip_unprivileged_port_start`).
    private static func isPrivileged(_ port: Int) -> Bool {
        let first = (try? SmallFile.text("/proc/sys/net/ipv4/ip_unprivileged_port_start")).flatMap { Int($0) }
        return port > 0 && port < first ?? 1024
    }
}
