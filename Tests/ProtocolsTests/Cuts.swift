@testable import Protocols

/// A dialogue that is played again and again, each time with one of its turns cut elsewhere.
struct Cuts {
    let turns: [(side: Side, bytes: [UInt8])]

    /// What comes out of it, as text: status, texts and which turn began and ended it.
    private func outcome(
        cutting turn: Int?, _ first: Int, _ second: Int, expected: ApplicationProtocol?, step: UInt64 = 1000
    ) -> [String] {
        let conversation = Conversation(options: ParsingOptions(wantsText: true), expected: expected)
        let log = ExchangeLog()
        let recorder = turn == nil ? CorpusRecorder(expected, conversation) : nil
        for (index, said) in turns.enumerated() {
            let parts =
                index == turn
                ? [said.bytes[..<first], said.bytes[first..<second], said.bytes[second...]] : [said.bytes[...]]
            for part in parts where !part.isEmpty {
                recorder?.append(Array(part), said.side, 0, 0)
                Array(part).withUnsafeBytes {
                    conversation.take(
                        RawSpan(_unsafeBytes: $0), from: said.side, at: UInt64(index + 1) * step, missing: 0, tail: 0,
                        log)
                }
            }
        }
        return log.entries.map { entry in
            let texts = (0..<entry.text.count).map { index in
                entry.text.withBytes(entry.text[index]) {
                    "\(entry.text[index].kind)=\(String(decoding: $0, as: UTF8.self))"
                }
            }
            let exchange = entry.exchange
            return "\(exchange.status) \(exchange.start)-\(exchange.end) \(texts.joined(separator: ","))"
        }
    }

    /// The outcome if nothing is cut, and the first cut in two or three that gives another.
    func play(as expected: ApplicationProtocol? = nil) -> (outcome: [String], difference: String?) {
        let whole = outcome(cutting: nil, 0, 0, expected: expected)
        for (turn, said) in turns.enumerated() {
            let count = said.bytes.count
            for first in 0...count {
                // All second cuts of long turns are too many.
                let stride = max(1, count / 40)
                var second = first
                while second <= count {
                    let other = outcome(cutting: turn, first, second, expected: expected)
                    if other != whole { return (whole, "turn \(turn) cut at \(first) and \(second): \(other)") }
                    second += stride
                }
            }
        }
        return (whole, nil)
    }
}
