import Protocols

/// What it costs to read a request with its answer, by protocol: without texts, as for metrics, and with them, as for traces.
enum Parsers {
    private static let rounds = 31
    private static let warmUp = 3
    private static let turns = 500

    /// Looks at texts without keeping them.
    private final class Receiver: ExchangeReceiver {
        var count = 0
        var bytes = 0

        func receive(_ exchange: Exchange, _ text: borrowing RequestText) {
            count += 1
            for index in 0..<text.count { text.withBytes(text[index]) { bytes += $0.count } }
        }
    }

    static func run() throws -> [Measurement] {
        var results: [Measurement] = []
        for parserCase in try ParserCase.all() {
            let plain = try cost(parserCase, wantsText: false)
            let texts = try cost(parserCase, wantsText: true)
            results += [
                Measurement(parserCase.name, plain.nanoseconds, "ns/request"),
                Measurement("\(parserCase.name)_texts", texts.nanoseconds, "ns/request"),
                Measurement("\(parserCase.name)_allocations", plain.allocations + texts.allocations),
            ]
        }
        return results
    }

    private static func cost(
        _ parserCase: ParserCase, wantsText: Bool
    ) throws -> (nanoseconds: Double, allocations: Double) {
        let conversation = Conversation(
            options: ParsingOptions(wantsText: wantsText), expected: parserCase.applicationProtocol)
        let receiver = Receiver()
        var time: UInt64 = 1
        func play(_ segments: [ParserCase.Segment]) {
            for segment in segments {
                time += 1000
                segment.bytes.withUnsafeBytes {
                    conversation.take(
                        RawSpan(_unsafeBytes: $0), from: segment.side, at: time, missing: 0, tail: 0, receiver)
                }
            }
        }
        play(parserCase.beginning)
        let before = receiver.count
        var times: [Double] = []
        var allocations: UInt64 = 0
        for round in 0..<(warmUp + rounds) {
            let all = (0..<turns).map { parserCase.turn(round * turns + $0) }
            let cost = Timing.measure { for segments in all { play(segments) } }.cost
            if round < warmUp { continue }
            times.append(cost.nanoseconds / Double(turns))
            allocations += cost.allocations
        }
        let expected = (warmUp + rounds) * turns
        guard receiver.count - before == expected, !conversation.isWaiting else {
            throw BenchmarkError("\(parserCase.name): \(receiver.count - before) of \(expected) requests were told")
        }
        guard wantsText == (receiver.bytes > 0) || parserCase.applicationProtocol == .dns else {
            throw BenchmarkError("\(parserCase.name): \(receiver.bytes) bytes of texts")
        }
        return (Statistics.median(times), Double(allocations) / Double(rounds * turns))
    }
}
