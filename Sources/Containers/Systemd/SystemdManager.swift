internal import Exchange
internal import Linux
internal import Synchronization

/// Asks systemd for the properties of units, over D-Bus, on a thread of its own.
///
/// Peer to peer on systemd's private socket, which only root may use, else through the system bus. A systemd that hangs
/// costs the units that wait for it one time-out together, and is left alone for a while then. What it said of a unit, or
/// that it said nothing, is remembered for a while.
///
/// Invariants: every question ends within `timeout`; at most `queueLimit` wait and `cacheLimit` units are remembered.
public final class SystemdManager: Sendable {
    public struct Configuration: Sendable {
        /// The host's root directory; where it may not be entered, the agent's own is used.
        public var hostRoot = "/proc/1/root"
        /// Sockets below `hostRoot`, in this order. One whose name is `private` is systemd's own, any other a bus.
        public var sockets = ["/run/systemd/private", "/run/dbus/system_bus_socket"]
        /// Nanoseconds for one unit, waiting in the queue included.
        public var timeout: UInt64 = 1_000_000_000
        public var queueLimit = 1024
        public var cacheLimit = 4096
        /// How long properties are taken as they were read, in nanoseconds.
        public var lifetime: UInt64 = 600_000_000_000
        /// How long a unit without an answer is not asked for again, in nanoseconds.
        public var negativeLifetime: UInt64 = 60_000_000_000
        /// How long systemd is left alone after it did not answer in time, in nanoseconds.
        public var recovery: UInt64 = 10_000_000_000

        public init() {}
    }

    /// Totals since the start.
    public struct Counters: Sendable, Hashable {
        public var requests: UInt64 = 0
        /// Answers from memory.
        public var cacheHits: UInt64 = 0
        /// Units not asked for because too many waited.
        public var dropped: UInt64 = 0
        /// Time-outs, refusals and nonsense; not "no systemd here".
        public var failures: UInt64 = 0
    }

    private struct Entry {
        let properties: SystemdProperties?
        let until: UInt64
    }

    private struct State {
        var counters = Counters()
        var cache: [String: Entry] = [:]
        /// Until when systemd is left alone.
        var skippedUntil: UInt64 = 0
    }

    private let configuration: Configuration
    private let root: RootDirectory
    private let worker: BlockingWorker
    private let state = Mutex(State())

    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        root = RootDirectory.readable(configuration.hostRoot)
        worker = BlockingWorker(name: "systemd", limit: configuration.queueLimit)
    }

    public var counters: Counters { state.withLock { $0.counters } }

    /// The properties of `unit` (`nginx.service`, as systemd spells it); nil where systemd cannot be asked or does not
    /// answer in time.
    public func properties(of unit: String) async -> SystemdProperties? {
        let now = MonotonicClock.now()
        let (known, isSkipped) = state.withLock { state -> (Entry?, Bool) in
            state.counters.requests += 1
            guard let entry = state.cache[unit], entry.until > now else { return (nil, state.skippedUntil > now) }
            state.counters.cacheHits += 1
            return (entry, false)
        }
        if let known { return known.properties }
        // The longest name of a unit (UNIT_NAME_MAX, systemd's src/basic/unit-name.h).
        if isSkipped || unit.isEmpty || unit.utf8.count > 256 { return nil }
        let deadline = now + configuration.timeout
        return await withCheckedContinuation { continuation in
            let isAccepted = worker.submit { continuation.resume(returning: self.ask(unit, deadline: deadline)) }
            if isAccepted { return }
            state.withLock { $0.counters.dropped += 1 }
            continuation.resume(returning: nil)
        }
    }

    /// The unit that a cgroup path belongs to, as systemd spells it: the first component that ends in `.service`, else the
    /// last one, without the underscore that keeps a cgroup's name from meaning something else (cg_escape, systemd's
    /// src/basic/cgroup-util.c).
    static func unit(ofCgroup path: String) -> String {
        let components = path.split(separator: "/")
        let unit = components.first { $0.hasSuffix(".service") } ?? components.last ?? ""
        return String(unit.first == "_" ? unit.dropFirst() : unit)
    }

    // MARK: On the worker's thread

    private func ask(_ unit: String, deadline: UInt64) -> SystemdProperties? {
        let started = MonotonicClock.now()
        let isSkipped = state.withLock { $0.skippedUntil > started }
        guard !isSkipped, started < deadline else { return nil }
        var properties: SystemdProperties?
        for path in configuration.sockets {
            do throws(ExchangeError) {
                properties = try read(unit, from: path, deadline: deadline)
                break
            } catch {
                if case .unavailable = error { continue }
                let now = MonotonicClock.now()
                // A question that waited long in the queue proves nothing against systemd.
                let hangs = error == .timedOut && now - started >= configuration.timeout / 4
                state.withLock { state in
                    state.counters.failures += 1
                    if hangs { state.skippedUntil = now + configuration.recovery }
                }
                if error == .timedOut { break }
            }
        }
        remember(unit, properties)
        return properties
    }

    private static let destination = "org.freedesktop.systemd1"

    private func read(_ unit: String, from path: String, deadline: UInt64) throws(ExchangeError) -> SystemdProperties {
        var connection = try DBusConnection.connect(
            to: path, root: root, isBus: !path.hasSuffix("/private"), deadline: deadline)
        let object = "/org/freedesktop/systemd1/unit/" + DBusCall.pathElement(unit)
        var properties = SystemdProperties()
        let triggers = try connection.callForVariant(
            .property("TriggeredBy", of: Self.destination + ".Unit", path: object, destination: Self.destination))
        properties.triggeredBy = triggers.first ?? ""
        do throws(ExchangeError) {
            let type = try connection.callForVariant(
                .property("Type", of: Self.destination + ".Service", path: object, destination: Self.destination))
            properties.type = type.first ?? ""
        } catch .notFound {
            // Slices and mounts have no such property.
        }
        return properties
    }

    private func remember(_ unit: String, _ properties: SystemdProperties?) {
        let now = MonotonicClock.now()
        let until = now + (properties == nil ? configuration.negativeLifetime : configuration.lifetime)
        state.withLock { state in
            if state.cache.count >= configuration.cacheLimit {
                state.cache = state.cache.filter { $0.value.until > now }
                // Any entry will do: forgetting one costs a question.
                if state.cache.count >= configuration.cacheLimit, let any = state.cache.first {
                    state.cache[any.key] = nil
                }
            }
            state.cache[unit] = Entry(properties: properties, until: until)
        }
    }
}
