/// What the live view remembers from page to page.
struct TopHistory: Sendable {
    private struct Tracks {
        var cpu: RateTrack?
        var sent: RateTrack?
        var received: RateTrack?
    }

    /// Of the containers of the latest page only.
    private var tracks: [String: Tracks] = [:]
    private var events: RateTrack?
    private var latest: TopSnapshot?

    mutating func add(_ page: TopSnapshot) {
        var next: [String: Tracks] = [:]
        for (id, now) in page.containers {
            var tracks = tracks[id] ?? Tracks()
            Self.follow(&tracks.cpu, now.cpuSeconds, page.time)
            Self.follow(&tracks.sent, now.sent, page.time)
            Self.follow(&tracks.received, now.received, page.time)
            next[id] = tracks
        }
        tracks = next
        Self.follow(&events, page.events, page.time)
        latest = page
    }

    /// The latest page with the rates up to it; nil before the first page.
    func table(order: TopOrder) -> TopTable? {
        guard let latest else { return nil }
        let rows = latest.containers.map { id, now in
            TopTable.Row(
                container: id, cpu: tracks[id]?.cpu?.perSecond, memory: now.memory, connections: now.connections,
                sent: tracks[id]?.sent?.perSecond, received: tracks[id]?.received?.perSecond, restarts: now.restarts)
        }
        return TopTable(
            rows: rows, events: events?.perSecond, lost: latest.lost, dropped: latest.dropped, faults: latest.faults,
            order: order)
    }

    private static func follow(_ track: inout RateTrack?, _ value: Double?, _ time: UInt64) {
        if let value {
            if track == nil { track = RateTrack(value, at: time) } else { track?.add(value, at: time) }
        } else {
            track = nil
        }
    }
}
