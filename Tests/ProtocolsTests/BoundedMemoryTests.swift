import Foundation
import TestSupport
import Testing

@testable import Protocols

/// A million different texts take no more memory than a few, and random bytes behind what looks like a beginning are nothing.
@Suite(.serialized) struct BoundedMemoryTests {
    private final class Counter: ExchangeReceiver {
        var count = 0
        func receive(_ exchange: Exchange, _ text: borrowing RequestText) { count += 1 }
    }

    /// Bytes of this process in memory.
    private static func resident() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        return (Int(text.split(separator: " ")[1]) ?? 0) * 4096
    }

    /// Writes a number over the digits at `offset`.
    private static func write(_ number: Int, _ bytes: inout [UInt8], at offset: Int) {
        var rest = number
        for place in (0..<7).reversed() {
            bytes[offset + place] = UInt8(0x30 + rest % 10)
            rest /= 10
        }
    }

    @Test func `a million different statements, plain and prepared`() throws {
        func message(_ type: Character, _ body: String) -> [UInt8] {
            MessageBuilder.build {
                $0.add(type.asciiValue ?? 0)
                $0.add(UInt32(body.utf8.count + 4))
                $0.add(text: body)
            }
        }
        let conversation = Conversation(options: ParsingOptions(wantsText: true), expected: .postgres)
        let counter = Counter()
        func say(_ bytes: [UInt8], _ side: Side, _ time: Int) {
            bytes.withUnsafeBytes {
                conversation.take(
                    RawSpan(_unsafeBytes: $0), from: side, at: UInt64(time), missing: 0, tail: 0, counter)
            }
        }
        var query = message("Q", "SELECT 0000000\0")
        // A statement with a name of its own, that is bound, executed, and never closed.
        var prepared =
            message("P", "s0000000\0SELECT 0000000\0\0\0") + message("B", "\0s0000000\0\0\0\0\0\0\0")
            + message("E", "\0\0\0\0\0") + message("S", "")
        let answer = message("C", "SELECT 1\0") + message("Z", "I")
        let preparedAnswer = message("1", "") + message("2", "") + answer
        var before = 0
        // A million where it does not take minutes.
        let count = _isDebugAssertConfiguration() ? 50_000 : 500_000
        for number in 0..<count {
            if number == 10_000 { before = try Self.resident() }
            Self.write(number, &query, at: 12)
            say(query, .client, 2 * number + 1)
            say(answer, .server, 2 * number + 1)
            Self.write(number, &prepared, at: 6)
            Self.write(number, &prepared, at: 21)
            Self.write(number, &prepared, at: 38)
            say(prepared, .client, 2 * number + 2)
            say(preparedAnswer, .server, 2 * number + 2)
        }
        #expect(counter.count == 2 * count)
        let growth = try Self.resident() - before
        #expect(growth < 8 << 20, "\(growth) bytes")
    }

    @Test func `a million different names in DNS, a half of them never answered`() throws {
        var datagrams = DNSDatagrams(options: ParsingOptions(), limit: 1024)
        let counter = Counter()
        var query: [UInt8] =
            [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7] + Array("0000000".utf8) + [3] + Array("org".utf8) + [0, 0, 1, 0, 1]
        var before = 0
        for number in 0..<1_000_000 {
            if number == 10_000 { before = try Self.resident() }
            (query[0], query[1]) = (UInt8(number >> 8 & 0xFF), UInt8(number & 0xFF))
            Self.write(number, &query, at: 13)
            var answer = query
            (answer[2], answer[3]) = (0x81, 0x83)
            for (bytes, side) in [(query, Side.client), (answer, .server)] where side == .client || number % 2 == 0 {
                bytes.withUnsafeBytes {
                    datagrams.take(
                        RawSpan(_unsafeBytes: $0), socket: UInt64(number >> 16), from: side, at: UInt64(number), counter
                    )
                }
            }
        }
        datagrams.giveUp(before: .max, at: 1_000_000, counter)
        #expect(counter.count == 1_000_000)
        let growth = try Self.resident() - before
        #expect(growth < 8 << 20, "\(growth) bytes")
    }

    /// Half a beginning of each protocol, and random bytes.
    @Test func `noise behind what looks like a beginning`() {
        var generator = SeededGenerator(29)
        let beginnings = [
            "GET ", "POST /a HTTP", "HTTP/1.", "PRI * HTTP/2.0\r\n", "*3\r\n$", "get ", "set a 0 0 ", "INFO ", "PUB ",
            "AMQP\0\0", "Q\0\0", "P\0\0\0", "SSH-2.0-", "\u{16}\u{3}\u{1}", "\0\0\0", "\u{4}\0\0\u{5}\u{7}",
        ]
        for round in 0..<3200 {
            let log = ExchangeLog()
            let conversation = Conversation(options: ParsingOptions(wantsText: true))
            for segment in 0..<12 {
                var bytes = Array(beginnings[round % beginnings.count].utf8)
                bytes += (0..<Int.random(in: 16...300, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                bytes.withUnsafeBytes {
                    conversation.take(
                        RawSpan(_unsafeBytes: $0), from: segment % 2 == 0 ? .client : .server, at: UInt64(segment),
                        missing: 0, tail: 0, log)
                }
            }
            conversation.giveUp(before: .max, at: 100, log)
            #expect(
                log.entries.isEmpty, "\(beginnings[round % beginnings.count].debugDescription): \(conversation.verdict)"
            )
        }
    }
}
