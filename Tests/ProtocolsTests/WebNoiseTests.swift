import TestSupport
import Testing

@testable import Protocols

/// Bytes that no honest peer sends, to the parsers of HTTP and DNS.
@Suite struct WebNoiseTests {
    private static let protocols: [ApplicationProtocol] = [.http1, .http2, .dns]

    private static func seeds(_ applicationProtocol: ApplicationProtocol) -> [[UInt8]] {
        switch applicationProtocol {
        case .http1:
            [
                Array("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: a\r\n\r\n5\r\nabcde\r\n0\r\n\r\n".utf8),
                Array("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 100 Continue\r\n\r\n".utf8),
            ]
        case .http2:
            [
                HTTP2Bytes.preface + HTTP2Bytes.call(1) + HTTP2Bytes.headers(3, HTTP2Bytes.get("/x"), end: true),
                HTTP2Bytes.settings + HTTP2Bytes.headers(1, HTTP2Bytes.grpcHead) + HTTP2Bytes.trailers(1, 0),
            ]
        default:
            [
                [0, 17, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1],
                [0, 17, 0, 1, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1],
            ]
        }
    }

    @Test(arguments: protocols)
    func `changed and random bytes, gaps and lengths of every size`(_ applicationProtocol: ApplicationProtocol) {
        var generator = SeededGenerator(UInt64(applicationProtocol.rawValue) + 1)
        let seeds = Self.seeds(applicationProtocol)
        for round in 0..<300 {
            let log = ExchangeLog()
            let conversation = Conversation(
                options: ParsingOptions(wantsText: true), expected: round % 3 == 0 ? nil : applicationProtocol)
            for step in 0..<60 as Range<UInt64> {
                var bytes: [UInt8]
                if Bool.random(using: &generator) {
                    bytes = seeds[Int.random(in: 0..<2, using: &generator)]
                    for _ in 0..<Int.random(in: 0...3, using: &generator) {
                        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
                            in: 0...255, using: &generator)
                    }
                    bytes = Array(bytes[Int.random(in: 0..<bytes.count, using: &generator)...])
                } else {
                    bytes = (0..<Int.random(in: 0..<100, using: &generator)).map { _ in
                        UInt8.random(in: 0...255, using: &generator)
                    }
                }
                let sizes = [0, 0, 0, 0, 1, 9, 100, 70_000, Int(UInt32.max), Int(Int32.max)]
                let side: Side = Bool.random(using: &generator) ? .client : .server
                bytes.withUnsafeBytes {
                    conversation.take(
                        RawSpan(_unsafeBytes: $0), from: side, at: step,
                        missing: sizes.randomElement(using: &generator) ?? 0,
                        tail: sizes.randomElement(using: &generator) ?? 0, log)
                }
            }
            conversation.giveUp(before: .max, at: 100, log)
            #expect(!conversation.isWaiting)
            // Each exchange comes from some segment of the client.
            #expect(log.entries.count <= 60 * 4)
        }
    }

    @Test func `noise is none of them`() {
        var generator = SeededGenerator(17)
        for _ in 0..<300 {
            let log = ExchangeLog()
            let conversation = Conversation(options: ParsingOptions(wantsText: true))
            for step in 0..<30 as Range<UInt64> {
                let bytes = (0..<100).map { _ in UInt8.random(in: 0...255, using: &generator) }
                bytes.withUnsafeBytes {
                    conversation.take(
                        RawSpan(_unsafeBytes: $0), from: step % 2 == 0 ? .client : .server, at: step, missing: 0,
                        tail: 0, log)
                }
            }
            switch conversation.verdict {
            case .known(.http1), .known(.http2), .known(.dns): Issue.record("\(conversation.verdict)")
            default: break
            }
        }
    }
}
