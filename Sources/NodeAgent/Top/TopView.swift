import Glibc
import Linux

/// The loop of the live view; it blocks, so that it has a thread of its own.
struct TopView: Sendable {
    let client: PageClient
    /// Nanoseconds between two pages, or for one table.
    let interval: UInt64

    /// One table of the rates over the interval, as plain lines.
    func once() throws(PageClientError) -> [String] {
        var history = TopHistory()
        let end = MonotonicClock.now() + interval
        history.add(try snapshot())
        while true {
            let now = MonotonicClock.now()
            if now >= end { break }
            usleep(UInt32(clamping: min(end - now, 1_000_000_000) / 1000))
            history.add(try snapshot())
        }
        return history.table(order: .cpu)?.lines() ?? []
    }

    /// Repaints until `q` is pressed. A page that cannot be had is said in place of the table.
    func live(on terminal: Terminal) {
        var order = TopOrder.cpu
        var history = TopHistory()
        while true {
            let start = MonotonicClock.now()
            var problem = ""
            do throws(PageClientError) {
                history.add(try snapshot())
            } catch {
                problem = error.description
            }
            while true {
                paint(on: terminal, problem.isEmpty ? history.table(order: order) : nil, order, problem)
                let elapsed = MonotonicClock.now() - start
                if elapsed >= interval { break }
                guard let key = terminal.key(within: Int((interval - elapsed) / 1_000_000) + 1) else { break }
                if key == "q" || key == "Q" { return }
                if let chosen = TopOrder(rawValue: key.lowercased()) { order = chosen }
            }
        }
    }

    private func paint(on terminal: Terminal, _ table: TopTable?, _ order: TopOrder, _ problem: String) {
        let size = terminal.size
        let keys = "q quit   sort by: c CPU, m memory, n network   now: \(order)   \(client.url)"
        var lines =
            table?.lines(width: size.width, height: size.height - 1) ?? [String(problem.prefix(size.width)), ""]
        while lines.count < size.height - 1 { lines.append("") }
        terminal.paint(lines + [String(keys.prefix(size.width))])
    }

    private func snapshot() throws(PageClientError) -> TopSnapshot {
        TopSnapshot(PageText(try client.fetch()), time: MonotonicClock.now())
    }
}
