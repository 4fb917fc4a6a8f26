import TestSupport

@testable import Protocols

/// Connections of random bytes.
enum Noise {
    /// Exchanges that a parser of `applicationProtocol` makes of noise, or that come of noise whose protocol has to be found.
    static func exchanges(of applicationProtocol: ApplicationProtocol?, connections: Int = 300) -> Int {
        var generator = SeededGenerator(20)
        let log = ExchangeLog()
        for _ in 0..<connections {
            let conversation = Conversation(options: ParsingOptions(wantsText: true), expected: applicationProtocol)
            for segment in 0..<12 {
                let bytes = (0..<Int.random(in: 1...300, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                let missing = Bool.random(using: &generator) ? 0 : Int.random(in: 0...2000, using: &generator)
                bytes.withUnsafeBytes {
                    conversation.take(
                        RawSpan(_unsafeBytes: $0), from: Bool.random(using: &generator) ? .client : .server,
                        at: UInt64(segment), missing: missing, tail: missing / 2, log)
                }
            }
            conversation.giveUp(before: .max, at: 100, log)
        }
        return log.entries.count
    }
}
