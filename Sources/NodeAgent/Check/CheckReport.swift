import CLinux
import Export
import Glibc
import Host
import Kernel
import Linux
import Ring

/// What this kernel and these capabilities allow.
struct CheckReport: Sendable {
    /// One thing that was tried.
    struct Item: Sendable {
        let name: String
        let isAvailable: Bool
        /// Without it the agent cannot run.
        var isCore = false
        /// Why not, or what was found.
        let detail: String
    }

    var kernelRelease: String
    /// What the machine offers: BTF, control groups, the event loop.
    var basics: [Item]
    var features: [Item]
    var capabilities: [Item]
    /// What the system-call filter refuses; empty if it was not asked for.
    var systemCalls: [Item] = []
    /// Where series go: the page, and each receiver.
    var exports: [Item] = []
    /// How to grant what is missing; empty if nothing is.
    var advice: String

    /// Whether the agent can do its work, if only in part.
    var canRun: Bool { missing.isEmpty }

    /// The names of what cannot be done without.
    private var missing: [String] {
        (basics + features + capabilities + systemCalls).filter { $0.isCore && !$0.isAvailable }.map(\.name)
    }

    /// Loads and attaches everything once, and takes it down again.
    static func gather(_ configuration: Configuration) -> CheckReport {
        let layout = Result { () throws(CgroupLayout.Failure) in
            try CgroupLayout.detect(root: configuration.cgroupfsRoot)
        }
        let preflight = Preflight.current()
        return CheckReport(
            kernelRelease: HostInfo.read().kernelRelease,
            basics: [btf(), cgroups(layout), eventLoop(configuration.backend)],
            features: features(memoryHierarchy: (try? layout.get())?.hierarchyID(of: .memory) ?? 0),
            capabilities: Capabilities.Name.allCases.map { name in
                Item(
                    name: name.text, isAvailable: preflight.capabilities.has(name),
                    isCore: preflight.missing.contains(name), detail: name.purpose)
            },
            systemCalls: configuration.filtersSystemCalls ? systemCalls() : [], exports: exports(configuration),
            advice: preflight.refusal ?? "")
    }

    /// The report for people.
    var lines: [String] {
        var lines = ["martlet-node \(Version.current) on Linux \(kernelRelease)", ""]
        lines += Self.table("MACHINE", "AVAILABLE", "FOUND", basics)
        lines += [""] + Self.table("FEATURE", "ENABLED", "REASON, REQUIREMENT", features)
        lines += [""] + Self.table("CAPABILITY", "HELD", "PURPOSE", capabilities)
        if !systemCalls.isEmpty {
            lines += [""] + Self.table("SYSTEM CALL", "REFUSED", "ANSWER", systemCalls)
        }
        if !exports.isEmpty { lines += [""] + Self.table("EXPORT", "ENABLED", "WHERE", exports) }
        if !advice.isEmpty { lines += ["", advice] }
        lines += [
            "", canRun ? "The agent can run." : "The agent cannot run: it needs \(missing.joined(separator: ", ")).",
        ]
        return lines
    }

    private static func table(_ name: String, _ state: String, _ detail: String, _ items: [Item]) -> [String] {
        let columns = [TextTable.Column(title: name), TextTable.Column(title: state), TextTable.Column(title: detail)]
        let rows = items.map { [$0.name, $0.isAvailable ? "yes" : "no", $0.detail] }
        return TextTable(columns: columns, rows: rows).render()
    }

    /// Nothing is tried here: a receiver may be away. URLs are shown without what may be a secret.
    private static func exports(_ configuration: Configuration) -> [Item] {
        var items = [
            Item(
                name: "page", isAvailable: configuration.page != nil,
                detail: configuration.page ?? "nothing listens while metrics are pushed; --listen opens a page")
        ]
        let form = "\(configuration.metricsProtocol.rawValue), compression \(configuration.metricsCompression.rawValue)"
        for url in configuration.metricsEndpoints {
            guard let endpoint = try? Export.Endpoint(url) else { continue }
            let proxy = configuration.proxies.description(for: endpoint).map { ", through \($0)" } ?? ""
            items.append(Item(name: "push", isAvailable: true, detail: "\(endpoint) (\(form)\(proxy))"))
        }
        for (name, url) in [("logs", configuration.logsEndpoint), ("traces", configuration.tracesEndpoint)] {
            guard let url, let endpoint = try? Export.Endpoint(url) else { continue }
            let proxy = configuration.proxies.description(for: endpoint).map { ", through \($0)" } ?? ""
            let form = "OTLP, compression \(configuration.otlpCompression.rawValue)"
            items.append(Item(name: name, isAvailable: true, detail: "\(endpoint) (\(form)\(proxy))"))
        }
        return items
    }

    private static func btf() -> Item {
        let path = "/sys/kernel/btf/vmlinux"
        let isThere = access(path, R_OK) == 0
        let detail = isThere ? path : "\(path): \(Errno.last); the kernel needs CONFIG_DEBUG_INFO_BTF"
        return Item(name: "BTF", isAvailable: isThere, isCore: true, detail: detail)
    }

    private static func cgroups(_ layout: Result<CgroupLayout, CgroupLayout.Failure>) -> Item {
        switch layout {
        case .success(let layout):
            let mounts = [layout.v2Mount] + CgroupLayout.Controller.allCases.map { layout.v1Mount(of: $0) }
            var seen: [String] = []
            for case let mount? in mounts where !seen.contains(mount) { seen.append(mount) }
            let detail = "\(layout.mode.rawValue): \(seen.joined(separator: " "))"
            return Item(name: "control groups", isAvailable: true, isCore: true, detail: detail)
        case .failure(let failure):
            return Item(name: "control groups", isAvailable: false, isCore: true, detail: failure.description)
        }
    }

    private static func eventLoop(_ backend: Lane.Backend) -> Item {
        do throws(Errno) {
            let lane = try Lane(name: "check", backend: backend)
            let mechanism = try lane.start()
            lane.stop()
            return Item(name: "event loop", isAvailable: true, isCore: true, detail: mechanism)
        } catch {
            return Item(name: "event loop", isAvailable: false, isCore: true, detail: "\(backend.rawValue): \(error)")
        }
    }

    /// Puts this process under the filter for good, and tries a few calls that it must refuse.
    private static func systemCalls() -> [Item] {
        do throws(PrivilegeError) {
            let allowed = try PrivilegeDrop.filterSystemCalls()
            var items = [
                Item(name: "all but \(allowed)", isAvailable: true, isCore: true, detail: "\(Errno.notPermitted)")
            ]
            var name: UnsafePointer<CChar>?
            while case let answer = martlet_try_forbidden_call(Int32(items.count - 1), &name), answer >= 0, let name {
                items.append(
                    Item(
                        name: String(cString: name), isAvailable: answer == EPERM, isCore: true,
                        detail: answer == 0 ? "allowed" : "\(Errno(answer))"))
            }
            return items
        } catch {
            return [Item(name: "filter", isAvailable: false, isCore: true, detail: error.description)]
        }
    }

    private static func features(memoryHierarchy: Int) -> [Item] {
        let processors = max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1)
        let configuration = KernelSide.Configuration(processors: processors, memoryHierarchy: memoryHierarchy)
        do throws(KernelError) {
            return try KernelSide(configuration).features.map { state in
                item(state.feature, isEnabled: state.isEnabled, reason: state.reason)
            }
        } catch {
            return Feature.allCases.map { item($0, isEnabled: false, reason: error.description) }
        }
    }

    private static func item(_ feature: Feature, isEnabled: Bool, reason: String) -> Item {
        let detail = isEnabled ? "needs \(feature.requirement)" : "\(reason); needs \(feature.requirement)"
        return Item(name: feature.rawValue, isAvailable: isEnabled, isCore: feature.isCore, detail: detail)
    }
}
