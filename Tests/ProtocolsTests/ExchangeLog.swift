@testable import Protocols

/// Collects what a parser tells, for tests.
final class ExchangeLog: ExchangeReceiver {
    struct Entry {
        let exchange: Exchange
        let text: RequestText
    }

    private(set) var entries: [Entry] = []

    func receive(_ exchange: Exchange, _ text: borrowing RequestText) {
        entries.append(Entry(exchange: exchange, text: copy text))
    }

    var statuses: [ExchangeStatus] { entries.map(\.exchange.status) }
}
