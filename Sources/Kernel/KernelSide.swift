internal import CBPF
public import CEvents
internal import Glibc
public import Linux
public import Ring

/// The loaded and attached BPF object: its features, rings, loss counters and iterators.
///
/// Everything is held by descriptors alone: nothing is pinned, so the kernel removes all of it when the process ends,
/// however it ends.
///
/// Invariant: nothing changes after `init`, except that `takeRings` may be called once. All methods only issue bpf(2) calls
/// on descriptors that stay open as long as this object.
public final class KernelSide: @unchecked Sendable {
    // Sendable is proved by the invariant above: immutable handles, and system calls that the kernel serialises.

    /// How the kernel side is sized.
    public struct Configuration: Sendable {
        /// Rings; a power of two up to 16. CPUs share them by number.
        public var shards: Int
        /// Bytes of each ring, a power of two.
        public var ringBytes: Int
        /// Open connections that the kernel remembers.
        public var maximumConnections: Int
        /// Hierarchy id of the v1 memory controller, 0 where there is none.
        public var memoryHierarchy: Int
        /// Mount point of the cgroup2 tree at whose root packets are seen; nil if there is none.
        public var cgroupRoot: String?
        /// Bytes of a segment's beginning that are captured, up to 16384; more of it by bpf/capture.bpf.h.
        public var captureBytes = 1024
        /// Whether plain HTTP/1 requests, Redis and PostgreSQL are counted in the kernel: they reach nobody as texts then.
        public var countsHTTP = true
        /// The part of plain HTTP/1 requests, 0 to 1, that reaches user space although the kernel counts them, with all that may
        /// name a trace; of other protocols nothing is counted in the kernel then. Nil: none, and all protocols are.
        public var drawnPart: Double?
        /// Whether probes are attached many at once where the kernel can (Linux 6.6).
        public var groupsProbes = true

        /// A ring a CPU up to 16; 1 MiB each, and not more than 4 MiB in all. The agent maps a ring's data twice, so that its
        /// resident size shows the double.
        public init(processors: Int, memoryHierarchy: Int) {
            var shards = 1
            while shards < processors, shards < 16 { shards *= 2 }
            self.shards = shards
            self.ringBytes = min(1 << 20, (4 << 20) / shards)
            self.maximumConnections = 65536
            self.memoryHierarchy = memoryHierarchy
        }
    }

    public let configuration: Configuration
    /// Every feature with its state, in declaration order.
    public let features: [FeatureState]

    private let object: OpaquePointer
    private let links: [OpaquePointer]
    private let iterators: [Feature: Int32]
    private let ringDescriptors: [Int32]
    private let lossesMap: Int32
    private let connectionsMap: Int32
    private let verdictsMap: Int32
    private let unpairedMap: Int32
    private let routinesMap: Int32
    private let groupsProbes: Bool
    private let mapDescriptors: [Int32]
    private let programs: [(name: String, descriptor: Int32)]

    /// Loads and attaches what the kernel allows of `wanted`. Throws only if nothing at all can be loaded.
    public init(_ configuration: Configuration, wanted: Set<Feature> = Set(Feature.allCases)) throws(KernelError) {
        martlet_bpf_capture()
        var refused: [Feature: String] = [:]
        var loadable = wanted
        var object: OpaquePointer
        do {
            object = try Self.load(configuration, loadable)
        } catch {
            // Something in there is refused: find out what, feature by feature.
            for feature in Feature.allCases where wanted.contains(feature) {
                do throws(KernelError) {
                    bpf_object__close(try Self.load(configuration, [feature]))
                } catch {
                    refused[feature] = error.description
                    loadable.remove(feature)
                }
            }
            if loadable.isEmpty { throw error }
            object = try Self.load(configuration, loadable)
        }

        self.configuration = configuration
        self.object = object
        lossesMap = bpf_map__fd(bpf_object__find_map_by_name(object, "losses"))
        connectionsMap = bpf_map__fd(bpf_object__find_map_by_name(object, "connections"))
        verdictsMap = bpf_map__fd(bpf_object__find_map_by_name(object, "verdicts"))
        unpairedMap = bpf_map__fd(bpf_object__find_map_by_name(object, "tls_unpaired"))
        routinesMap = bpf_map__fd(bpf_object__find_map_by_name(object, "tls_routines"))
        groupsProbes = configuration.groupsProbes && martlet_bpf_has_uprobe_multi()
        var links: [OpaquePointer] = []
        var iterators: [Feature: Int32] = [:]
        var maps: [Int32] = []
        var map = bpf_object__next_map(object, nil)
        while let current = map {
            maps.append(bpf_map__fd(current))
            map = bpf_object__next_map(object, current)
        }

        var rings: [Int32] = []
        var failure: KernelError?
        let outer = bpf_map__fd(bpf_object__find_map_by_name(object, "rings"))
        for shard in 0..<UInt32(configuration.shards) {
            let ring = Self.makeRing(configuration)
            var key = shard
            var value = UInt32(bitPattern: ring)
            if ring < 0 || bpf_map_update_elem(outer, &key, &value, 0) != 0 {
                failure = KernelError(operation: "making ring buffers", errno: .last, detail: "")
                break
            }
            rings.append(ring)
        }
        ringDescriptors = rings
        mapDescriptors = maps + rings

        for feature in Feature.allCases where loadable.contains(feature) && failure == nil {
            do throws(KernelError) {
                let attached = try Self.attach(feature, object, configuration)
                links += attached
                if feature.isIterator, let link = attached.first { iterators[feature] = bpf_link__fd(link) }
            } catch {
                refused[feature] = error.description
            }
        }
        self.links = links
        self.iterators = iterators
        programs = Feature.allCases.filter { loadable.contains($0) && refused[$0] == nil && !$0.isIterator }
            .flatMap(\.programs).map { name in
                (name, bpf_program__fd(bpf_object__find_program_by_name(object, name)))
            }
        features = Feature.allCases.map { feature in
            let reason = wanted.contains(feature) ? refused[feature] ?? "" : "switched off"
            return FeatureState(feature: feature, isEnabled: reason.isEmpty, reason: reason)
        }
        if let failure { throw failure }
    }

    deinit {
        for link in links { bpf_link__destroy(link) }
        for ring in ringDescriptors { close(ring) }
        bpf_object__close(object)
    }

    public func isEnabled(_ feature: Feature) -> Bool { features.contains { $0.feature == feature && $0.isEnabled } }

    // MARK: Rings

    /// Descriptors of the rings' maps, for polling.
    public var pollDescriptors: [Int32] { ringDescriptors }

    /// Maps the ring of one shard. One consumer only may take from it.
    public func ring(_ shard: Int) throws(Errno) -> BPFRing {
        try BPFRing(descriptor: ringDescriptors[shard], capacity: configuration.ringBytes)
    }

    /// Losses since the start: `[shard][reason]`, reasons by `enum martlet_loss`.
    public func losses() -> [[UInt64]] {
        let processors = max(Int(libbpf_num_possible_cpus()), 1)
        var perCPU = [UInt64](repeating: 0, count: processors)
        return (0..<configuration.shards).map { shard in
            (0..<Int(MARTLET_LOSS_REASONS.rawValue)).map { reason in
                var key = UInt32(shard * Int(MARTLET_LOSS_REASONS.rawValue) + reason)
                guard bpf_map_lookup_elem(lossesMap, &key, &perCPU) == 0 else { return 0 }
                return perCPU.reduce(0, &+)
            }
        }
    }

    /// How often each attached program was passed over because it was running on that CPU already (Linux 5.12; 0 before). What
    /// one program missed, its companion `..._again` has done, unless that was busy too.
    public func programMisses() -> [(program: String, count: UInt64)] {
        programs.map { ($0.name, UInt64(max(martlet_bpf_program_misses($0.descriptor), 0))) }
    }

    /// Whether maps, iterators and counters can only be used with CAP_BPF: before Linux 5.19 where
    /// `kernel.unprivileged_bpf_disabled` is set (kernel/bpf/syscall.c). Tried out on the calling thread.
    public func needsCapabilityWhileRunning() -> Bool {
        let tried = try? Capabilities.current().without([.bpf, .sysAdmin]) {
            var key: UInt32 = 0
            var values = [UInt64](repeating: 0, count: max(Int(libbpf_num_possible_cpus()), 1))
            return bpf_map_lookup_elem(lossesMap, &key, &values) == 0
        }
        return tried != true
    }

    /// Kernel memory of all maps and rings in bytes, as the kernel reports it in fdinfo (`memlock`).
    public func memoryBytes() -> UInt64 {
        var total: UInt64 = 0
        for descriptor in mapDescriptors {
            guard let text = try? SmallFile.text("/proc/self/fdinfo/\(descriptor)", limit: 4096) else { continue }
            for line in text.split(separator: "\n") where line.hasPrefix("memlock:") {
                total += UInt64(line.dropFirst(8).drop { $0 == " " || $0 == "\t" }) ?? 0
            }
        }
        return total
    }

    // MARK: Probes

    /// Whether the kernel attaches a program to many places at once.
    public var isGroupingProbes: Bool { groupsProbes }

    /// Has a program called wherever one of some instructions of a file is executed, by whatever process.
    ///
    /// - Parameters:
    ///   - path: the file; may be a link in /proc.
    ///   - places: offsets of the instructions in the file, and what the program is told there.
    public func attach(
        _ program: ProbeProgram, to path: String, places: [(offset: UInt64, cookie: UInt64)]
    ) throws(Errno) -> ProbeLinks {
        let handle = descriptor(of: program.rawValue)
        guard handle >= 0 else { throw .unsupported }
        var links = [Int32]()
        if groupsProbes {
            let link = martlet_bpf_attach_uprobe_multi(
                handle, path, places.map(\.offset), UInt32(places.count), places.map(\.cookie))
            guard link >= 0 else { throw Errno(negated: link) }
            links.append(link)
        } else {
            for (offset, cookie) in places {
                let link = martlet_bpf_attach_uprobe(handle, path, offset, cookie)
                guard link >= 0 else {
                    _ = ProbeLinks(links)
                    throw Errno(negated: link)
                }
                links.append(link)
            }
        }
        return ProbeLinks(links)
    }

    /// Has the kernel side follow which sockets the threads use that call TLS libraries.
    public func attachTLSSockets() throws(Errno) -> ProbeLinks {
        var links = [Int32]()
        for name in Feature.tlsSockets.programs {
            let link = bpf_raw_tracepoint_open(nil, descriptor(of: name))
            guard link >= 0 else {
                _ = ProbeLinks(links)
                throw Errno(negated: link)
            }
            links.append(link)
        }
        return ProbeLinks(links)
    }

    private func descriptor(of program: String) -> Int32 {
        programs.first { $0.name == program }?.descriptor ?? -1
    }

    /// Processes whose TLS sessions lead to no descriptor, so that `attachTLSSockets` is needed.
    public func unpairedProcesses() -> [UInt32] {
        var found = [UInt32]()
        var key: UInt32 = 0
        var result = bpf_map_get_next_key(unpairedMap, nil, &key)
        while result == 0, found.count < 2048 {
            found.append(key)
            var current = key
            result = bpf_map_get_next_key(unpairedMap, &current, &key)
        }
        return found
    }

    /// Forgets what ended processes left behind in the kernel side's tables.
    public func forgetTLS(of processes: Set<UInt32>) {
        for process in processes {
            var key = process
            _ = bpf_map_delete_elem(unpairedMap, &key)
        }
        // tls_routine_key: goroutine, process.
        var key: (UInt64, UInt64) = (0, 0)
        var ended: [(UInt64, UInt64)] = []
        var result = bpf_map_get_next_key(routinesMap, nil, &key)
        var steps = 2 * 65_536
        while result == 0, steps > 0 {
            steps -= 1
            if processes.contains(UInt32(truncatingIfNeeded: key.1)) { ended.append(key) }
            var current = key
            result = bpf_map_get_next_key(routinesMap, &current, &key)
        }
        for key in ended {
            var key = key
            _ = bpf_map_delete_elem(routinesMap, &key)
        }
    }

    // MARK: Iterators

    /// Connections whose counters moved since the last call.
    public func sampleConnections(_ body: (martlet_tcp_sample) -> Void) throws(Errno) {
        try rows(.tcpSamples, body)
    }

    /// Smoothed round-trip times of all open outbound connections.
    public func sampleRoundTrips(_ body: (martlet_tcp_round_trip) -> Void) throws(Errno) {
        try rows(.tcpRoundTrips, body)
    }

    /// Requests that were counted in the kernel since the last call, on connections that are still open.
    public func sampleRequests(_ body: (martlet_http_counts) -> Void) throws(Errno) {
        try rows(.requestSamples, body)
    }

    /// Tells the kernel side what a connection (`martlet_endpoints.id`) is.
    public func set(_ verdict: martlet_verdict, of connection: UInt64) {
        var key = connection
        var value = verdict.rawValue
        // A full table lets go of the oldest; the kernel side then asks a little longer.
        _ = bpf_map_update_elem(verdictsMap, &key, &value, 0)
    }

    /// Processes of the machine.
    public func findProcesses(_ body: (martlet_process_found) -> Void) throws(Errno) {
        try rows(.processDiscovery, body)
    }

    /// Mounts on which control groups have a file open for writing, each at most once a minute.
    public func findWrittenMounts(_ body: (martlet_file_written) -> Void) throws(Errno) {
        try rows(.fileDiscovery, body)
    }

    /// Sockets of the calling thread's network namespace that are older than the agent. The kernel side remembers the
    /// connections among them from then on.
    public func findSockets(_ body: (martlet_tcp_found) -> Void) throws(Errno) {
        try rows(.tcpDiscovery, body)
    }

    /// The connections and listening sockets that the kernel side remembers, by `martlet_endpoints.id`.
    public func openSockets() -> Set<UInt64> {
        var found = Set<UInt64>()
        var key: UInt64 = 0
        var next: UInt64 = 0
        var connection = martlet_connection()
        var result = bpf_map_get_next_key(connectionsMap, nil, &next)
        // A table that changes meanwhile may make this begin anew; it ends all the same.
        var steps = 2 * configuration.maximumConnections
        while result == 0, steps > 0 {
            steps -= 1
            key = next
            if bpf_map_lookup_elem(connectionsMap, &key, &connection) == 0 { found.insert(connection.id) }
            result = bpf_map_get_next_key(connectionsMap, &key, &next)
        }
        return found
    }

    private func rows<Row: BitwiseCopyable>(_ feature: Feature, _ body: (Row) -> Void) throws(Errno) {
        guard let link = iterators[feature] else { throw .unsupported }
        let raw = bpf_iter_create(link)
        guard raw >= 0 else { throw Errno(negated: raw) }
        let file = FileDescriptor(owning: raw)
        let size = MemoryLayout<Row>.stride
        // The kernel hands over at most 8 pages a read (kernel/bpf/bpf_iter.c); a row may be cut at the end.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 32768 + size, alignment: 16)
        defer { buffer.deallocate() }
        var filled = 0
        while true {
            let count: Int
            do throws(Errno) {
                count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            } catch {
                if error == .again { continue }
                throw error
            }
            if count == 0 { return }
            filled += count
            var offset = 0
            while offset + size <= filled {
                body(buffer.loadUnaligned(fromByteOffset: offset, as: Row.self))
                offset += size
            }
            filled -= offset
            if filled > 0, offset > 0 {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[offset..<(offset + filled)]))
            }
        }
    }

    // MARK: Loading

    private static func load(
        _ configuration: Configuration, _ features: Set<Feature>
    ) throws(KernelError) -> OpaquePointer {
        martlet_bpf_log_clear()
        let bytes = objectBytes()
        let opened = bytes.withUnsafeBytes { martlet_bpf_open($0.baseAddress, $0.count, "martlet") }
        guard let object = opened else {
            throw KernelError(operation: "reading the BPF object", errno: .last, detail: lastLogLine())
        }
        let template = makeRing(configuration)
        guard template >= 0 else {
            let error = Errno.last
            bpf_object__close(object)
            throw KernelError(operation: "making ring buffers", errno: error, detail: "")
        }
        defer { close(template) }
        var settings = martlet_config()
        settings.shards = UInt32(configuration.shards)
        settings.wake_bytes = UInt32(configuration.ringBytes / 4)
        settings.memory_hierarchy = UInt32(configuration.memoryHierarchy)
        settings.capture_bytes = UInt32(min(max(configuration.captureBytes, 64), 16384))
        settings.count_http = configuration.countsHTTP ? 1 : 0
        settings.draws = configuration.drawnPart == nil ? 0 : 1
        settings.drawn_below = UInt32(min(max(configuration.drawnPart ?? 0, 0), 1) * Double(UInt32.max))
        settings.requests = features.contains(.requests) ? 1 : 0
        if let map = bpf_object__find_map_by_name(object, ".rodata.config") {
            _ = bpf_map__set_initial_value(map, &settings, MemoryLayout<martlet_config>.size)
        }
        if let outer = bpf_object__find_map_by_name(object, "rings") {
            _ = bpf_map__set_max_entries(outer, UInt32(configuration.shards))
            // Linux 5.8 and 5.9 take only inner maps of the template's very size.
            _ = bpf_map__set_inner_map_fd(outer, template)
        }
        if let map = bpf_object__find_map_by_name(object, "losses") {
            _ = bpf_map__set_max_entries(map, UInt32(configuration.shards) * MARTLET_LOSS_REASONS.rawValue)
        }
        if let map = bpf_object__find_map_by_name(object, "connections") {
            _ = bpf_map__set_max_entries(map, UInt32(configuration.maximumConnections))
        }
        let isGrouping = configuration.groupsProbes && martlet_bpf_has_uprobe_multi()
        for feature in Feature.allCases {
            for name in feature.programs {
                guard let program = bpf_object__find_program_by_name(object, name) else {
                    preconditionFailure("the BPF object lacks \(name)")
                }
                _ = bpf_program__set_autoload(program, features.contains(feature))
                if feature == .tls, isGrouping {
                    let type = bpf_attach_type(rawValue: UInt32(martlet_bpf_uprobe_multi_type()))
                    _ = bpf_program__set_expected_attach_type(program, type)
                }
            }
        }
        let result = bpf_object__load(object)
        guard result == 0 else {
            bpf_object__close(object)
            throw KernelError(operation: "loading BPF programs", errno: Errno(negated: result), detail: lastLogLine())
        }
        return object
    }

    private static func makeRing(_ configuration: Configuration) -> Int32 {
        bpf_map_create(BPF_MAP_TYPE_RINGBUF, "martlet_ring", 0, 0, UInt32(configuration.ringBytes), nil)
    }

    private static func attach(
        _ feature: Feature, _ object: OpaquePointer, _ configuration: Configuration
    ) throws(KernelError) -> [OpaquePointer] {
        var links: [OpaquePointer] = []
        // When there is something to attach them to, and when somebody needs them.
        if feature == .tls || feature == .tlsSockets { return [] }
        let cgroup = feature == .requests ? try openRoot(configuration) : FileDescriptor(owning: -1)
        for name in feature.programs {
            martlet_bpf_log_clear()
            let program = bpf_object__find_program_by_name(object, name)
            let link: OpaquePointer?
            if let name = feature.iteratedMap {
                link = martlet_bpf_attach_map_iterator(
                    program, bpf_map__fd(bpf_object__find_map_by_name(object, name)))
            } else if bpf_program__type(program) == BPF_PROG_TYPE_CGROUP_SKB {
                link = bpf_program__attach_cgroup(program, cgroup.raw)
            } else {
                link = bpf_program__attach(program)
            }
            guard let link else {
                let error = KernelError(operation: "attaching \(name)", errno: .last, detail: lastLogLine())
                for link in links { bpf_link__destroy(link) }
                throw error
            }
            links.append(link)
        }
        return links
    }

    private static func openRoot(_ configuration: Configuration) throws(KernelError) -> FileDescriptor {
        guard let path = configuration.cgroupRoot else {
            throw KernelError(operation: "attaching to the cgroup2 tree", errno: .unsupported, detail: "there is none")
        }
        do throws(Errno) {
            return try FileDescriptor.open(path)
        } catch {
            throw KernelError(operation: "opening \(path)", errno: error, detail: "")
        }
    }

    /// The object as the build embedded it: a character a byte, so UTF-8 of two bytes from 0x80 on.
    private static func objectBytes() -> [UInt8] {
        var bytes = [UInt8]()
        bytes.reserveCapacity(embeddedObjectSize)
        embeddedObject.withUTF8Buffer { text in
            var index = 0
            while index < text.count {
                if text[index] < 0x80 {
                    bytes.append(text[index])
                    index += 1
                } else {
                    bytes.append((text[index] & 0x03) << 6 | text[index + 1] & 0x3F)
                    index += 2
                }
            }
        }
        return bytes
    }

    /// The last line that says something: libbpf ends a verifier log with counters and repeats itself after it.
    private static func lastLogLine() -> String {
        let lines = String(cString: martlet_bpf_log()).split(separator: "\n")
        let noise = ["processed ", "-- END", "-- BEGIN", "libbpf: failed to load object", "libbpf: prog"]
        guard let line = lines.last(where: { line in !noise.contains { line.hasPrefix($0) } }) else { return "" }
        return line.hasPrefix("libbpf: ") ? String(line.dropFirst(8)) : String(line)
    }
}

extension Feature {
    /// Whether the feature is read through a BPF iterator rather than by ring events.
    var isIterator: Bool {
        switch self {
        case .tcpSamples, .tcpRoundTrips, .tcpDiscovery, .requestSamples, .processDiscovery, .fileDiscovery: true
        case .processes, .cgroups, .requests, .tcp, .tls, .tlsSockets, .fileWrites: false
        }
    }

    /// The map whose elements the feature's iterator visits.
    var iteratedMap: String? {
        switch self {
        case .tcpSamples, .tcpRoundTrips: "connections"
        case .requestSamples: "flows"
        default: nil
        }
    }
}
