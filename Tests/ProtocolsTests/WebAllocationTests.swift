import CAllocations
import Testing

@testable import Protocols

/// Nothing is allocated for a message once a connection has seen its like.
@Suite(.disabled(if: _isDebugAssertConfiguration(), "code that is not optimised allocates")) struct WebAllocationTests {
    /// Looks at texts without keeping them.
    private final class Counter: ExchangeReceiver {
        var count = 0
        var bytes = 0

        func receive(_ exchange: Exchange, _ text: borrowing RequestText) {
            count += 1
            for index in 0..<text.count { text.withBytes(text[index]) { bytes += $0.count } }
        }
    }

    private static func play(
        _ applicationProtocol: ApplicationProtocol, _ rounds: Int, _ turns: (Int) -> [(Side, [UInt8])]
    ) -> (allocations: UInt64, exchanges: Int) {
        let parser = ProtocolDetector.parser(of: applicationProtocol).init(options: ParsingOptions(wantsText: true))
        let counter = Counter()
        let all = (0..<(2 * rounds)).map(turns)
        var before: UInt64 = 0
        for (round, turns) in all.enumerated() {
            if round == rounds { before = bench_allocations() }
            for (side, bytes) in turns {
                bytes.withUnsafeBytes {
                    parser.take(
                        RawSpan(_unsafeBytes: $0), from: side, at: UInt64(round), missing: 0, tail: 0, counter)
                }
            }
        }
        return (bench_allocations() - before, counter.count)
    }

    @Test func `HTTP 1`() {
        let get = Array(
            """
            GET /path HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\n\
            traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n
            """.utf8)
        let answer = Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".utf8)
        let (allocations, exchanges) = Self.play(.http1, 50) { _ in
            [
                (.client, get + get), (.client, Array(get[..<30])), (.client, Array(get[30...])),
                (.server, answer + answer + answer),
            ]
        }
        #expect(exchanges == 300)
        #expect(allocations == 0)
    }

    @Test func `HTTP 2 and gRPC`() {
        let (allocations, exchanges) = Self.play(.http2, 500) { round in
            let stream = UInt32(round * 4 + 1)
            let path = HTTP2Bytes.field(":path", "/\(round)", isIndexed: true)
            let first = round == 0 ? HTTP2Bytes.preface : []
            return [
                (
                    .client,
                    first + HTTP2Bytes.headers(stream, [0x82, 0x86] + path, end: true) + HTTP2Bytes.call(stream + 2)
                ),
                (.server, HTTP2Bytes.headers(stream, [0x88]) + HTTP2Bytes.data(stream, 100, end: true)),
                (.server, HTTP2Bytes.headers(stream + 2, HTTP2Bytes.grpcHead) + HTTP2Bytes.trailers(stream + 2, 0)),
            ]
        }
        #expect(exchanges == 2000)
        #expect(allocations == 0)
    }

    @Test func `DNS by datagram and over TCP`() {
        func message(_ id: Int, _ flags: [UInt8], _ answers: UInt8) -> [UInt8] {
            let head: [UInt8] = [UInt8(id >> 8), UInt8(id & 0xFF)] + flags + [0, 1, 0, answers, 0, 0, 0, 0]
            let record: [UInt8] = [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]
            return head + [3, 0x77, 0x77, 0x77, 0, 0, 1, 0, 1] + (answers > 0 ? record : [])
        }
        let (allocations, exchanges) = Self.play(.dns, 50) { round in
            let (query, answer) = (message(round, [1, 0], 0), message(round, [0x81, 0x80], 1))
            return [(.client, [0, UInt8(query.count)] + query), (.server, [0, UInt8(answer.count)] + answer)]
        }
        #expect(exchanges == 100)
        #expect(allocations == 0)

        var datagrams = DNSDatagrams(options: ParsingOptions(), limit: 100)
        let counter = Counter()
        let messages = (0..<400).map { (message($0, [1, 0], 0), message($0, [0x81, 0x80], 1)) }
        var before: UInt64 = 0
        for (round, (query, answer)) in messages.enumerated() {
            if round == 200 { before = bench_allocations() }
            for (side, bytes) in [(Side.client, query), (.server, answer)] {
                bytes.withUnsafeBytes {
                    datagrams.take(
                        RawSpan(_unsafeBytes: $0), socket: UInt64(round), from: side, at: UInt64(round), counter)
                }
            }
        }
        let more = bench_allocations() - before
        #expect(counter.count == 400)
        #expect(more == 0)
    }
}
