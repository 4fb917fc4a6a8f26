import Exchange
import Linux
import Synchronization

/// Finds a container's name, image, labels and mounts: from disk first, from the runtime's socket for what is missing.
///
/// All of it blocks, so it runs on threads of its own, one for the disk and one for each socket: a runtime that hangs
/// delays only the containers that need its socket, and after one time-out those fail at once for a while.
public final class MetadataResolver: Sendable {
    public struct Configuration: Sendable {
        /// The host's root directory; where it may not be entered, the agent's own is used.
        public var hostRoot = "/proc/1/root"
        /// The host's processes.
        public var procRoot = "/proc"
        /// Time for one container, waiting in queues included, in nanoseconds.
        public var timeout: UInt64 = 5_000_000_000
        /// Containers that may wait at each thread.
        public var queueLimit = 1024
        /// How long a container that was not found is not looked for again, in nanoseconds.
        public var negativeLifetime: UInt64 = 15_000_000_000
        /// Containers remembered as not found.
        public var negativeLimit = 1024
        /// How long a socket is left alone after it did not answer in time, in nanoseconds.
        public var recovery: UInt64 = 10_000_000_000
        /// Docker data roots besides those found from mounts and command lines.
        public var dockerRoots = ["/var/lib/docker"]
        /// Sockets below `hostRoot`; the first that answers is used.
        public var dockerSockets = ["/run/docker.sock", "/var/run/docker.sock"]
        public var crioSockets = ["/var/run/crio/crio.sock", "/run/crio/crio.sock"]
        public var containerdSockets = [
            "/var/snap/microk8s/common/run/containerd.sock", "/run/k0s/containerd.sock",
            "/run/k3s/containerd/containerd.sock", "/run/containerd/containerd.sock",
        ]
        /// Podman's socket of the system; those of users are below `/run/user`.
        public var podmanSockets = ["/run/podman/podman.sock"]
        /// Whether labels are worth asking a daemon that knows nothing else.
        public var needsLabels = false

        public init() {}
    }

    /// Where metadata comes from.
    public enum Source: UInt8, Sendable, Hashable, CaseIterable {
        case disk
        case docker
        case containerd
        case crio
        case podman
    }

    /// Totals since the start.
    public struct Counters: Sendable, Hashable {
        /// Calls of `resolve` for kinds that need metadata.
        public var requests: UInt64 = 0
        /// Answers from memory: the container was not found a moment ago.
        public var cacheHits: UInt64 = 0
        /// Requests sent back because a queue was full.
        public var dropped: UInt64 = 0
        /// Containers found, by the source that completed them.
        public var found: [Source: UInt64] = [:]
        /// Sockets that did not answer, answered nonsense or were skipped for that; not "no such container".
        public var failures: [Source: UInt64] = [:]
    }

    private struct State {
        var counters = Counters()
        /// Containers not found, and until when that stands.
        var negative: [String: (until: UInt64, resolution: Resolution)] = [:]
        /// Data roots that running dockerds name, and until when they are taken as such.
        var daemonRoots: (until: UInt64, paths: [String]) = (0, [])
        /// Sockets left alone, and until when.
        var skipped: [Source: UInt64] = [:]
    }

    /// One container on its way through the sources.
    private struct Request: Sendable {
        var classification: CgroupClassification
        let pids: [Int32]
        let deadline: UInt64
        let continuation: CheckedContinuation<Resolution, Never>
        /// What the disk gave, and whether that identifies the container.
        var partial = ContainerMetadata()
        var isIdentified = false
        /// containerd's namespaces to look in, and the socket that the container's shim names.
        var namespaces: [String] = []
        var containerdAddress = ""
        /// The container of containerd whose labels are the pod's.
        var sandboxID: String?
        /// What each source said, for the final line.
        var reasons: [String] = []
        var isFailure = false
        /// A queue took too long.
        var isLate = false
    }

    private static let daemonRootsLifetime: UInt64 = 15_000_000_000

    private let configuration: Configuration
    private let root: RootDirectory
    private let processes: ProcessTable
    private let workers: [Source: BlockingWorker]
    private let state = Mutex(State())

    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        root = RootDirectory.readable(configuration.hostRoot)
        processes = ProcessTable(configuration.procRoot)
        var workers = [Source: BlockingWorker]()
        for source in Source.allCases {
            workers[source] = BlockingWorker(name: "meta-\(source)", limit: configuration.queueLimit)
        }
        self.workers = workers
    }

    public var counters: Counters { state.withLock { $0.counters } }

    /// Looks the container of process `pid` up. Kinds without metadata are `.notFound` at once. Returns within the
    /// configured time-out, give or take one poll.
    ///
    /// - Parameter others: more processes of the container; one of a sandbox's holds its id.
    public func resolve(
        _ classification: CgroupClassification, pid: Int32, others: [Int32] = []
    ) async -> Resolution {
        guard classification.kind.needsMetadata, !classification.rawID.isEmpty || classification.kind == .sandbox else {
            return .notFound(reason: "cgroup \(classification.rootPath) names no container")
        }
        let now = MonotonicClock.now()
        let known = state.withLock { state -> Resolution? in
            state.counters.requests += 1
            guard let entry = state.negative[classification.rootPath] else { return nil }
            if entry.until <= now {
                state.negative[classification.rootPath] = nil
                return nil
            }
            state.counters.cacheHits += 1
            return entry.resolution
        }
        if let known { return known }
        return await withCheckedContinuation { continuation in
            let request = Request(
                classification: classification, pids: [pid] + others, deadline: now + configuration.timeout,
                continuation: continuation)
            submit(request, to: .disk) { self.readDisk($0) }
        }
    }

    private func submit(
        _ request: Request, to source: Source, _ work: @escaping @Sendable (Request) -> Void
    ) {
        if workers[source]?.submit({ work(request) }) == true { return }
        state.withLock { $0.counters.dropped += 1 }
        // Not remembered: the container was never looked for.
        request.continuation.resume(returning: .busy(reason: "too many containers wait for \(source) metadata"))
    }

    private func readDisk(_ request: Request) {
        var request = request
        guard MonotonicClock.now() < request.deadline else {
            request.isLate = true
            return finish(request, reason: "disk: no turn in time")
        }
        if request.classification.rawID.isEmpty {
            for pid in request.pids where request.classification.rawID.isEmpty {
                request.classification = request.classification.refined(arguments: processes.arguments(pid))
            }
            if request.classification.rawID.isEmpty { return finish(request, reason: "no process tells its id") }
        }
        let classification = request.classification
        let bundle =
            OCIBundle.find(pid: request.pids[0], of: classification, processes: processes)
            ?? OCIBundle.find(of: classification, root: root)
        request.namespaces = classification.containerdNamespaces.filter { $0 != "moby" }
        if let bundle { take(bundle, into: &request) }
        if classification.kind == .podman { return readPodman(request, bundle) }
        if request.isIdentified {
            // A sandbox is not reported, so its image does not matter.
            let isEnough = !request.partial.image.isEmpty && !configuration.needsLabels
            if isEnough || request.partial.isSandbox || classification.kind == .crio && !request.partial.image.isEmpty {
                return finish(request, found: request.partial, from: .disk)
            }
        } else if classification.kind == .docker || classification.kind == .sandbox || classification.rule == "bare-id"
        {
            if let metadata = readDocker(classification.rawID, bundle: bundle) {
                return finish(request, found: metadata, from: .disk)
            }
        }
        request.reasons.append(bundle == nil ? "disk: no bundle" : "disk: a bundle without names")
        ask(sources(for: request), request)
    }

    /// What the bundle alone says, and where to ask for the rest.
    private func take(_ bundle: OCIBundle, into request: inout Request) {
        let classification = request.classification
        request.partial = OCIAnnotations.metadata(of: bundle)
        if !bundle.containerdNamespace.isEmpty, bundle.containerdNamespace != "moby" {
            request.namespaces = [bundle.containerdNamespace]
            request.containerdAddress = bundle.containerdAddress
        }
        request.sandboxID = bundle.annotations["io.kubernetes.cri.sandbox-id"]
        if OCIAnnotations.identify(bundle) {
            request.isIdentified = true
        } else if classification.kind == .containerd || classification.isCandidate, !classification.isKubernetes,
            bundle.containerdNamespace != "moby", !bundle.containerdNamespace.isEmpty
        {
            request.isIdentified = true
            request.partial.name = bundle.annotations["nerdctl/name"] ?? classification.rawID
            request.partial.containerdNamespace = bundle.containerdNamespace
        }
        if configuration.needsLabels, classification.kind == .crio {
            request.partial.labels.merge(OCIAnnotations.crioLabels(bundle)) { mine, _ in mine }
            if let sandbox = OCIAnnotations.crioSandbox(of: bundle) {
                request.partial.labels.merge(OCIAnnotations.crioLabels(sandbox)) { mine, _ in mine }
            }
        }
    }

    private func readPodman(_ request: Request, _ bundle: OCIBundle?) {
        var request = request
        if let bundle, let metadata = PodmanState.read(id: request.classification.rawID, bundle: bundle) {
            request.partial = metadata
            request.isIdentified = true
            if !configuration.needsLabels { return finish(request, found: metadata, from: .disk) }
        } else {
            request.reasons.append(bundle == nil ? "disk: no bundle" : "disk: no name in Podman's store")
        }
        // A path that may be anybody's is no reason to ask.
        ask(request.classification.isCandidate && !request.isIdentified ? [] : [.podman], request)
    }

    /// Who may know what the disk did not say, in the order of asking.
    private func sources(for request: Request) -> [Source] {
        let classification = request.classification
        if classification.kind == .crio { return [.crio] }
        if classification.rule == "containerd-candidate" || request.isIdentified && !request.containerdAddress.isEmpty {
            return [.containerd]
        }
        // Which of the two runs a pod does not always show in the path.
        return classification.kind == .containerd && !classification.isCandidate
            ? [.containerd, .docker] : [.docker, .containerd]
    }

    private func readDocker(_ id: String, bundle: OCIBundle?) -> ContainerMetadata? {
        var roots = configuration.dockerRoots
        if let root = DockerState.dataRoot(mounts: bundle?.mounts ?? [:]) { roots.insert(root, at: 0) }
        var found = DockerState.read(id: id, dataRoots: roots, root: root)
        if found == nil {
            found = DockerState.read(id: id, dataRoots: daemonRoots(), root: root)
        }
        guard var metadata = found, !metadata.name.isEmpty else { return nil }
        if let bundle { metadata.fill(from: OCIAnnotations.metadata(of: bundle)) }
        return metadata
    }

    /// The walk over all processes is not repeated for every container that Docker does not know.
    private func daemonRoots() -> [String] {
        let now = MonotonicClock.now()
        if let known = state.withLock({ $0.daemonRoots.until > now ? $0.daemonRoots.paths : nil }) { return known }
        let paths = DockerState.dataRoots(processes: processes)
        state.withLock { $0.daemonRoots = (now + Self.daemonRootsLifetime, paths) }
        return paths
    }

    /// Asks the first of `sources`, and the others in turn while none knows the container.
    private func ask(_ sources: [Source], _ request: Request) {
        var request = request
        guard let source = sources.first else {
            guard request.isIdentified else { return finish(request, reason: nil) }
            if !request.isFailure, !request.isLate { return finish(request, found: request.partial, from: .disk) }
            return finish(request, found: request.partial, from: .disk, isPartial: true)
        }
        let rest = Array(sources.dropFirst())
        if isSkipped(source) {
            request.reasons.append("\(source): left alone after a time-out")
            request.isFailure = true
            return ask(rest, request)
        }
        submit(request, to: source) { request in
            var request = request
            // Another container may have found out while this one waited.
            let started = MonotonicClock.now()
            let isSkipped = self.isSkipped(source)
            guard !isSkipped, started < request.deadline else {
                request.reasons.append("\(source): no turn in time")
                if isSkipped { request.isFailure = true } else { request.isLate = true }
                return self.ask(rest, request)
            }
            // Half of the time, where another source comes after this one.
            let deadline = rest.isEmpty ? request.deadline : started + (request.deadline - started) / 2
            do throws(ExchangeError) {
                var metadata = try self.inspect(source, request, deadline: deadline)
                metadata.fill(from: request.partial)
                self.finish(request, found: metadata, from: source)
            } catch {
                request.reasons.append("\(source): \(error)")
                let now = MonotonicClock.now()
                let hangs = error == .timedOut && now - started >= self.configuration.timeout / 4
                if error == .timedOut, !hangs {
                    // A request that waited long in a queue proves nothing against the socket.
                    request.isLate = true
                } else if self.isFailure(error, of: source, for: request) {
                    request.isFailure = true
                    self.state.withLock { state in
                        state.counters.failures[source, default: 0] += 1
                        if hangs { state.skipped[source] = now + self.configuration.recovery }
                    }
                }
                self.ask(rest, request)
            }
        }
    }

    /// Whether a runtime that may know the container did not answer. A socket that is not there belongs to a runtime that
    /// is not installed, unless the container's own shim names it.
    private func isFailure(_ error: ExchangeError, of source: Source, for request: Request) -> Bool {
        switch error {
        case .notFound: false
        case .unavailable(let reason):
            reason != .notFound || source == .containerd && !request.containerdAddress.isEmpty
        default: true
        }
    }

    private func isSkipped(_ source: Source) -> Bool {
        let now = MonotonicClock.now()
        return state.withLock { state in
            guard let until = state.skipped[source] else { return false }
            if until <= now {
                state.skipped[source] = nil
                return false
            }
            state.counters.failures[source, default: 0] += 1
            return true
        }
    }

    private func sockets(of source: Source, for request: Request) -> [String] {
        switch source {
        case .disk: return []
        case .docker: return configuration.dockerSockets
        case .crio: return configuration.crioSockets
        case .containerd:
            return (request.containerdAddress.isEmpty ? [] : [request.containerdAddress])
                + configuration.containerdSockets
        case .podman:
            let parts = request.classification.rootPath.split(separator: "/", maxSplits: 2)
            guard parts.count == 3, parts[0] == "user.slice", parts[1].hasPrefix("user-"), parts[1].hasSuffix(".slice"),
                let user = UInt32(parts[1].dropFirst(5).dropLast(6))
            else { return configuration.podmanSockets }
            return ["/run/user/\(user)/podman/podman.sock"]
        }
    }

    private func inspect(
        _ source: Source, _ request: Request, deadline: UInt64
    ) throws(ExchangeError) -> ContainerMetadata {
        var unavailable = ExchangeError.unavailable(.notFound)
        for path in sockets(of: source, for: request) {
            do throws(ExchangeError) {
                let id = request.classification.rawID
                switch source {
                case .containerd: return try inspectContainerd(path, request, deadline: deadline)
                case .crio:
                    return try CRIOSocket(client: HTTPClient(socketPath: path, root: root))
                        .inspect(id, deadline: deadline)
                case .docker, .podman, .disk:
                    return try DockerSocket(client: HTTPClient(socketPath: path, root: root))
                        .inspect(id, deadline: deadline)
                }
            } catch {
                guard case .unavailable(let reason) = error else { throw error }
                // One that is there and refuses says more than one that is not there.
                if reason != .notFound || unavailable == .unavailable(.notFound) { unavailable = error }
            }
        }
        throw unavailable
    }

    private func inspectContainerd(
        _ path: String, _ request: Request, deadline: UInt64
    ) throws(ExchangeError) -> ContainerMetadata {
        let client = UnaryGRPC(socketPath: path, root: root)
        for namespace in request.namespaces {
            let socket = ContainerdSocket(client: client, namespace: namespace)
            do throws(ExchangeError) {
                var metadata = try socket.inspect(request.classification.rawID, deadline: deadline)
                if request.classification.isCandidate, metadata.cgroupsPath != request.classification.rootPath {
                    continue
                }
                if configuration.needsLabels, let sandbox = request.sandboxID,
                    let pod = try? socket.inspect(sandbox, deadline: deadline)
                {
                    metadata.labels.merge(pod.labels) { mine, _ in mine }
                }
                return metadata
            } catch {
                if error != .notFound { throw error }
            }
        }
        throw .notFound
    }

    private func finish(
        _ request: Request, found metadata: ContainerMetadata, from source: Source, isPartial: Bool = false
    ) {
        var metadata = metadata
        if metadata.logPath.isEmpty { metadata.logPath = OCIAnnotations.logPath(metadata.labels, root: root) }
        state.withLock { $0.counters.found[source, default: 0] += 1 }
        let reasons = request.reasons.joined(separator: "; ")
        request.continuation.resume(returning: isPartial ? .partial(metadata, reason: reasons) : .found(metadata))
    }

    private func finish(_ request: Request, reason: String?) {
        let reasons = (request.reasons + [reason].compactMap(\.self)).joined(separator: "; ")
        let text = "no metadata of \(request.classification.kind) container \(request.classification.rawID): \(reasons)"
        if request.isLate, !request.isFailure {
            // Not remembered: the container was never looked for.
            request.continuation.resume(returning: .busy(reason: text))
            return
        }
        let resolution: Resolution = request.isFailure ? .failed(reason: text) : .notFound(reason: text)
        let now = MonotonicClock.now()
        state.withLock { state in
            if state.negative.count >= configuration.negativeLimit {
                state.negative = state.negative.filter { $0.value.until > now }
                // Any entry will do: forgetting one costs a look-up.
                if state.negative.count >= configuration.negativeLimit, let any = state.negative.first {
                    state.negative[any.key] = nil
                }
            }
            state.negative[request.classification.rootPath] = (now + configuration.negativeLifetime, resolution)
        }
        request.continuation.resume(returning: resolution)
    }
}
