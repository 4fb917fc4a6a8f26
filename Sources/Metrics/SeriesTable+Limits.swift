extension SeriesTable {
    /// Series of a family of which a container has no more than this are cut last: they are what every container has, or
    /// tell what it is. What explodes are families with a series for each peer, name or path.
    static let narrowFamily = 32

    /// Decides for every container which of its series are shown. True if some are not.
    ///
    /// Who is over its cap loses the series whose values changed longest ago; of those that changed at the same time, the
    /// youngest, so that a burst of new ones does not push out what was there for long. Who has fallen below nine tenths of
    /// its cap gets cut series back up to there, those that changed last first.
    mutating func balance() -> Bool {
        setCaps()
        var isUnbalanced = false
        var isHolding = false
        for place in owners.indices.dropFirst() {
            let owner = owners[place]
            let hasRoom = owner.held > 0 && owner.live < owner.returnLimit
            let isFull = owner.entries > 2 * owner.cap
            owners[place].isUnbalanced = owner.live > owner.cap || hasRoom || isFull
            isUnbalanced = isUnbalanced || owners[place].isUnbalanced
            isHolding = isHolding || owner.held + owner.unknown > 0
        }
        if isUnbalanced { rebalance() }
        return isUnbalanced || isHolding
    }

    /// What each container may show: the limit of a container, or less where all together exceed the limit of the agent.
    /// Then the largest give way: nobody loses a series as long as another has more than it has.
    private mutating func setCaps() {
        var rest = limits.perAgent
        var extra = 0
        share = limits.perContainer
        var total = 0
        for place in owners.indices.dropFirst() { total += min(owners[place].demand, limits.perContainer) }
        if total > rest {
            let demands = owners.dropFirst().map { min($0.demand, limits.perContainer) }
            var waiting = demands.count
            for demand in demands.sorted() {
                if demand > rest / waiting { break }
                rest -= demand
                waiting -= 1
            }
            // Some demand is above an equal part, else the sum would fit.
            if waiting > 0 { (share, extra) = (rest / waiting, rest % waiting) }
        }
        for place in owners.indices.dropFirst() {
            owners[place].cap = share
            if extra > 0, owners[place].demand > share {
                owners[place].cap += 1
                extra -= 1
            }
        }
    }

    private struct Candidate {
        let place: Int
        let owner: Int
        let isNarrow: Bool
        let changed: UInt32
        let began: UInt32

        /// What is worth more comes later.
        static func isLess(_ one: Candidate, _ other: Candidate) -> Bool {
            if one.owner != other.owner { return one.owner < other.owner }
            if one.isNarrow != other.isNarrow { return !one.isNarrow }
            if one.changed != other.changed { return one.changed < other.changed }
            if one.began != other.began { return one.began > other.began }
            return one.place > other.place
        }
    }

    private mutating func rebalance() {
        var width: [UInt64: Int] = [:]
        var places: [Int] = []
        for place in 0..<entryCount
        where entries[place].state != .free && entries[place].generation == generation
            && owners[Int(entries[place].owner)].isUnbalanced
        {
            places.append(place)
            width[widthKey(place), default: 0] += 1
        }
        let candidates = places.map { place in
            Candidate(
                place: place, owner: Int(entries[place].owner),
                isNarrow: width[widthKey(place)] ?? 0 <= Self.narrowFamily, changed: entries[place].changed,
                began: entries[place].began)
        }.sorted(by: Candidate.isLess)
        var first = 0
        while first < candidates.count {
            let owner = candidates[first].owner
            let end = candidates[first...].firstIndex { $0.owner != owner } ?? candidates.count
            cut(candidates[first..<end], of: owner)
            giveBack(candidates[first..<end], to: owner)
            discard(candidates[first..<end], of: owner)
            first = end
        }
    }

    private func widthKey(_ place: Int) -> UInt64 {
        UInt64(entries[place].owner) << 16 | UInt64(entries[place].family)
    }

    private mutating func cut(_ candidates: ArraySlice<Candidate>, of owner: Int) {
        for candidate in candidates {
            if owners[owner].live <= owners[owner].cap { return }
            if entries[candidate.place].state != .live { continue }
            entries[candidate.place].state = .cut
            owners[owner].live -= 1
            owners[owner].held += 1
        }
    }

    private mutating func giveBack(_ candidates: ArraySlice<Candidate>, to owner: Int) {
        for candidate in candidates.reversed() {
            if owners[owner].held == 0 || owners[owner].live >= owners[owner].returnLimit { return }
            if entries[candidate.place].state != .cut { continue }
            entries[candidate.place].state = .live
            owners[owner].live += 1
            owners[owner].held -= 1
        }
    }

    /// Forgets cut series that are too many to be remembered; those that the receiver has wait for their stale marker.
    private mutating func discard(_ candidates: ArraySlice<Candidate>, of owner: Int) {
        for candidate in candidates {
            if owners[owner].entries <= 2 * owners[owner].cap { return }
            if entries[candidate.place].state == .cut, !entries[candidate.place].isSent { forget(candidate.place) }
        }
    }
}
