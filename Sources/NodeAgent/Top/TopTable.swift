/// The live view's contents, sorted.
struct TopTable: Sendable {
    struct Row: Hashable, Sendable {
        let container: String
        /// Cores in use; like other rates nil as long as it is not known.
        let cpu: Double?
        let memory: Double?
        let connections: Double?
        /// Bytes per second.
        let sent: Double?
        let received: Double?
        let restarts: Double?
    }

    let rows: [Row]
    /// Events per second.
    let events: Double?
    let lost: Double
    let dropped: Double
    let faults: Double
    let order: TopOrder

    init(rows: [Row], events: Double?, lost: Double, dropped: Double, faults: Double, order: TopOrder) {
        func key(_ row: Row) -> Double {
            switch order {
            case .cpu: row.cpu ?? 0
            case .memory: row.memory ?? 0
            case .network: (row.sent ?? 0) + (row.received ?? 0)
            }
        }
        self.rows = rows.sorted { (key($0), $1.container) > (key($1), $0.container) }
        self.events = events
        self.lost = lost
        self.dropped = dropped
        self.faults = faults
        self.order = order
    }

    /// One line on the agent itself.
    var summary: String {
        "containers \(rows.count)   events/s \(Figure.plain(events))   lost \(Figure.plain(lost))   "
            + "dropped \(Figure.plain(dropped))   faults \(Figure.plain(faults))"
    }

    /// The summary and the table, at most `height` lines of at most `width` characters.
    func lines(width: Int? = nil, height: Int? = nil) -> [String] {
        var table = TextTable(columns: [
            TextTable.Column(title: "CONTAINER"),
            TextTable.Column(title: "CPU", alignment: .right),
            TextTable.Column(title: "MEMORY", alignment: .right),
            TextTable.Column(title: "CONNECTIONS", alignment: .right),
            TextTable.Column(title: "SENT/s", alignment: .right),
            TextTable.Column(title: "RECEIVED/s", alignment: .right),
            TextTable.Column(title: "RESTARTS", alignment: .right),
        ])
        let shown = height.map { max(0, $0 - 2) } ?? rows.count
        table.rows = rows.prefix(shown).map { row in
            [
                row.container, Figure.cores(row.cpu), Figure.bytes(row.memory), Figure.plain(row.connections),
                Figure.bytes(row.sent), Figure.bytes(row.received), Figure.plain(row.restarts),
            ]
        }
        let first = width.map { String(summary.prefix($0)) } ?? summary
        return Array(([first] + table.render(width: width)).prefix(height ?? Int.max))
    }
}
