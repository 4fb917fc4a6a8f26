/// Every series that is alive: when it began, whether it still changes, whether the receiver has it, and whether a limit keeps
/// it from the exporters. docs/series.md has the design and what it costs.
///
/// A snapshot goes through in three steps: `begin`, `admit` (once, then perhaps `admitOwn`), `end`. What is known costs a
/// comparison of references, usually without a look-up: series are kept in the order in which they came first, and a
/// snapshot has them in much the same order again.
///
/// Invariants:
/// - Entries are bounded: of a container by twice what it may show, of all by `entryLimit`. What finds no room is counted.
/// - An entry that no snapshot has lives only until a push has said that it ended.
/// - Nothing is allocated for a series that is known.
///
/// One owner, no locks.
public struct SeriesTable: ~Copyable {
    /// Series of the node and of the agent: no limit but this touches them.
    static let nodeLimit = 100_000

    public let limits: SeriesLimits
    public private(set) var statistics = SeriesStatistics()

    /// `entryCount` initialized entries, some of them free.
    var entries: UnsafeMutablePointer<SeriesEntry>
    var entryCount = 0
    private var entryCapacity: Int
    /// The first free one; `SeriesTable.none` if there is none.
    private var freeEntry = Self.none
    private var aliveCount = 0
    private var index = SeriesIndex()
    /// A random odd number: nobody outside can choose labels that meet in the index.
    private let seed = UInt64.random(in: .min ... .max) | 1

    var owners: [SeriesOwner]
    private var ownerPlaces: [String: Int]
    private var freeOwners: [Int] = []

    private(set) var generation: UInt32 = 0
    private var epoch: UInt64?
    private var seconds: UInt32 = 0
    private var timestamp: Int64 = 0
    private var previousTimestamp: Int64 = 0
    /// What a new container may show; all have the same share where the limit of the agent is met.
    var share: Int

    private static let none = UInt32.max

    public init(limits: SeriesLimits = SeriesLimits()) {
        self.limits = limits
        entryCapacity = 1024
        entries = .allocate(capacity: entryCapacity)
        owners = [SeriesOwner(id: "", cap: Self.nodeLimit)]
        ownerPlaces = ["": 0]
        share = limits.perContainer
    }

    deinit {
        for place in 0..<entryCount where entries[place].state != .free { entries[place].labels.release() }
        entries.deallocate()
    }

    /// The series that are known, those that are cut included.
    public var count: Int { aliveCount }

    /// Memory of the table itself, without label sets.
    public var bytes: Int { entryCapacity * MemoryLayout<SeriesEntry>.stride + index.bytes }

    private var entryLimit: Int { 3 * limits.perAgent + Self.nodeLimit }

    /// The containers with the most series that were shown last, the largest first.
    public func largestContainers(_ count: Int) -> [(id: String, series: Int)] {
        largest(count) { $0.live }
    }

    /// The container with the most series that were held back last.
    public var worstContainer: (id: String, series: Int)? { largest(1) { $0.held + $0.unknown }.first }

    private func largest(_ count: Int, _ size: (SeriesOwner) -> Int) -> [(id: String, series: Int)] {
        let sized = owners.dropFirst().map { (id: $0.id, series: size($0)) }.filter { $0.series > 0 }
        return Array(sized.sorted { ($0.series, $1.id) > ($1.series, $0.id) }.prefix(count))
    }

    // MARK: A snapshot's way

    /// A snapshot comes that was taken at `timestamp` (milliseconds since the Unix epoch) and at `now` (nanoseconds of a clock
    /// that does not go back). Snapshots must come in the order in which they were taken.
    public mutating func begin(timestamp: Int64, now: UInt64) {
        generation &+= 1
        let epoch = self.epoch ?? now
        self.epoch = epoch
        seconds = UInt32(clamping: (max(now, epoch) - epoch) / 1_000_000_000)
        previousTimestamp = self.timestamp
        self.timestamp = timestamp
        for place in owners.indices {
            (owners[place].live, owners[place].held, owners[place].unknown) = (0, 0, 0)
        }
    }

    /// Fills in when counters began, takes out what the limits hold back, and what comes twice.
    public mutating func admit(_ snapshot: inout MetricsSnapshot) {
        register(&snapshot)
        if balance() { removeCut(from: &snapshot) }
        countHeld()
    }

    /// The same for a few series of the agent itself that depend on what `admit` found. No limit touches them.
    public mutating func admitOwn(_ snapshot: inout MetricsSnapshot) { register(&snapshot) }

    /// Forgets what has ended.
    ///
    /// - Parameter marksEnded: for a push: `snapshot` gets a stale marker for each series that the push before had and this
    ///   one has not. A page is no push.
    public mutating func end(_ snapshot: inout MetricsSnapshot, marksEnded: Bool) {
        for place in 0..<entryCount {
            let state = entries[place].state
            if state == .free { continue }
            let isThere = entries[place].generation == generation
            if marksEnded {
                if isThere, state == .live {
                    entries[place].isSent = true
                } else if entries[place].isSent {
                    mark(place, in: &snapshot)
                }
            }
            if !isThere, !entries[place].isSent { remove(place) }
        }
        for place in owners.indices.dropFirst()
        where owners[place].entries == 0 && owners[place].demand == 0 && !owners[place].id.isEmpty {
            ownerPlaces[owners[place].id] = nil
            owners[place] = SeriesOwner(id: "", cap: 0)
            freeOwners.append(place)
        }
    }

    /// Stale markers for everything that the last push had: nothing comes after them.
    public mutating func endAll(timestamp: Int64) -> MetricsSnapshot {
        var snapshot = MetricsSnapshot(timestamp: max(timestamp, self.timestamp + 1))
        for place in 0..<entryCount where entries[place].state != .free && entries[place].isSent {
            mark(place, in: &snapshot)
        }
        return snapshot
    }

    private mutating func mark(_ place: Int, in snapshot: inout MetricsSnapshot) {
        guard let family = MetricFamily(rawValue: entries[place].family) else { return }
        snapshot.addMarker(family, entries[place].labels.takeUnretainedValue())
        entries[place].isSent = false
        statistics.staleMarkers += 1
    }

    // MARK: Known and new

    private mutating func register(_ snapshot: inout MetricsSnapshot) {
        for family in MetricFamily.allCases where !snapshot[family].isEmpty {
            snapshot.edit(family) { register(&$0, of: family) }
        }
    }

    private mutating func register(_ samples: inout [MetricsSnapshot.Sample], of family: MetricFamily) {
        let isCounter = family.type == .counter
        let code = family.rawValue
        let count = samples.count
        var kept = 0
        samples.withUnsafeMutableBufferPointer { samples in
            // The series that follows the last one is the first guess.
            var guess = entryCount
            for position in 0..<count {
                let labels = Unmanaged.passUnretained(samples[position].labels)
                var place = guess
                if guess >= entryCount || entries[guess].labels.toOpaque() != labels.toOpaque()
                    || entries[guess].family != code || entries[guess].state == .free
                {
                    guard let found = lookUp(samples[position].labels, family, created: samples[position].created)
                    else { continue }
                    place = found
                }
                guess = place + 1
                guard see(place, &samples[position], isCounter: isCounter) else { continue }
                if kept != position { samples.swapAt(kept, position) }
                kept += 1
            }
        }
        if kept < count { samples.removeLast(count - kept) }
    }

    /// Takes over the value of a series; false if this snapshot had it already.
    @inline(__always)
    private mutating func see(_ place: Int, _ sample: inout MetricsSnapshot.Sample, isCounter: Bool) -> Bool {
        let entry = entries + place
        if entry.pointee.generation == generation {
            statistics.duplicates += 1
            return false
        }
        entry.pointee.generation = generation
        let owner = Int(entry.pointee.owner)
        if entry.pointee.state == .cut { owners[owner].held += 1 } else { owners[owner].live += 1 }
        if entry.pointee.value.bitPattern != sample.value.bitPattern {
            // A counter that went down began again after it was seen last.
            if isCounter, sample.value < entry.pointee.value {
                let earliest = max(sample.created, previousTimestamp + 1)
                entry.pointee.created = min(earliest, max(timestamp, 0))
            }
            entry.pointee.value = sample.value
            entry.pointee.changed = seconds
        }
        sample.created = entry.pointee.created
        return true
    }

    /// The entry of a series whose place could not be guessed; made if there is none. Nil if there is no room for one.
    private mutating func lookUp(_ labels: LabelSet, _ family: MetricFamily, created: Int64) -> Int? {
        let tag = tag(of: labels, family.rawValue)
        let (found, isFull) = find(labels, family, tag)
        if let found {
            // The source has made an equal set: it is the one that lives on there.
            if entries[found].labels.toOpaque() != Unmanaged.passUnretained(labels).toOpaque() {
                entries[found].labels.release()
                entries[found].labels = .passRetained(labels)
            }
            return found
        }
        if isFull {
            statistics.collisions += 1
            return nil
        }
        let owner = owner(of: labels, family)
        if aliveCount >= entryLimit || owners[owner].entries >= 2 * owners[owner].cap {
            owners[owner].unknown += 1
            return nil
        }
        let place = newEntry()
        owners[owner].entries += 1
        // The clock may have been set back since.
        let begin = family.type == .counter ? min(max(created, 0), max(timestamp, 0)) : 0
        (self.entries + place).initialize(
            to: SeriesEntry(
                labels: .passRetained(labels), created: begin, value: .nan, began: seconds, changed: seconds,
                generation: generation &- 1, owner: UInt32(owner), family: family.rawValue, state: .live,
                isSent: false))
        index.insert(tag, place)
        aliveCount += 1
        return place
    }

    private func find(_ labels: LabelSet, _ family: MetricFamily, _ tag: UInt32) -> (entry: Int?, isFull: Bool) {
        let entries = entries
        return index.find(tag) { place in
            let entry = entries + place
            guard entry.pointee.family == family.rawValue else { return false }
            return entry.pointee.labels._withUnsafeGuaranteedRef { $0 === labels || $0.hasSameLabels(as: labels) }
        }
    }

    private func tag(of labels: LabelSet, _ family: UInt16) -> UInt32 {
        let mixed = (labels.hash ^ (UInt64(family) &* 0x9E37_79B9_7F4A_7C15)) &* seed
        return UInt32(truncatingIfNeeded: mixed >> 32)
    }

    /// An uninitialized entry.
    private mutating func newEntry() -> Int {
        if freeEntry != Self.none {
            let place = Int(freeEntry)
            freeEntry = entries[place].owner
            return place
        }
        if entryCount == entryCapacity {
            let larger = UnsafeMutablePointer<SeriesEntry>.allocate(capacity: entryCapacity + entryCapacity / 2)
            larger.moveInitialize(from: entries, count: entryCount)
            entries.deallocate()
            entries = larger
            entryCapacity += entryCapacity / 2
        }
        entryCount += 1
        return entryCount - 1
    }

    private mutating func remove(_ place: Int) {
        let labels = entries[place].labels
        index.remove(labels._withUnsafeGuaranteedRef { tag(of: $0, entries[place].family) }, place)
        labels.release()
        owners[Int(entries[place].owner)].entries -= 1
        entries[place].state = .free
        entries[place].owner = freeEntry
        freeEntry = UInt32(place)
        aliveCount -= 1
    }

    /// The owner that a new series counts for. The node has the place 0.
    private mutating func owner(of labels: LabelSet, _ family: MetricFamily) -> Int {
        let id: String
        switch family.owner {
        case .node: return 0
        case .container: id = labels["container_id"] ?? ""
        case .names: id = family.name
        }
        if let place = ownerPlaces[id] { return place }
        let place: Int
        if let free = freeOwners.popLast() {
            place = free
            owners[place] = SeriesOwner(id: id, cap: share)
        } else {
            place = owners.count
            owners.append(SeriesOwner(id: id, cap: share))
        }
        ownerPlaces[id] = place
        return place
    }

    // MARK: Limits

    /// Takes what is cut, or found no room, out of a snapshot that was registered.
    private mutating func removeCut(from snapshot: inout MetricsSnapshot) {
        for family in MetricFamily.allCases where family.owner != .node && !snapshot[family].isEmpty {
            snapshot.edit(family) { samples in
                samples.removeAll { sample in
                    let found = find(sample.labels, family, tag(of: sample.labels, family.rawValue)).entry
                    return found.map { entries[$0].state != .live } ?? true
                }
            }
        }
    }

    /// Drops the entry of a series that is cut and that no receiver has.
    mutating func forget(_ place: Int) {
        let owner = Int(entries[place].owner)
        owners[owner].held -= 1
        owners[owner].unknown += 1
        remove(place)
    }

    private mutating func countHeld() {
        var (byContainer, byAgent) = (0, 0)
        for owner in owners {
            let held = owner.held + owner.unknown
            if owner.id.isEmpty || owner.cap >= limits.perContainer { byContainer += held } else { byAgent += held }
        }
        statistics.heldByContainer = byContainer
        statistics.heldByAgent = byAgent
        statistics.leftOutByContainer += UInt64(byContainer)
        statistics.leftOutByAgent += UInt64(byAgent)
    }
}
