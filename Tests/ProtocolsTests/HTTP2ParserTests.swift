import TestSupport
import Testing

@testable import Protocols

private typealias H2 = HTTP2Bytes

@Suite struct HTTP2ParserTests {
    private func begun() -> Dialogue {
        var dialogue = Dialogue()
        dialogue.client(H2.preface)
        dialogue.server(H2.settings + H2.frame(4, 1, 0, []))
        return dialogue
    }

    private func targets(_ dialogue: Dialogue) -> [String] {
        dialogue.log.entries.map { $0.text.string(.target) ?? "-" }
    }

    @Test func `requests and responses out of order`() {
        var dialogue = begun()
        #expect(dialogue.conversation.verdict == .known(.http2))
        dialogue.client(H2.headers(1, H2.get("/a"), end: true) + H2.headers(3, H2.get("/b"), end: true))
        dialogue.server(H2.headers(3, [0x8D]) + H2.data(3, 100, end: true))
        dialogue.server(H2.headers(1, [0x88], end: true))
        #expect(dialogue.log.statuses == [.http(404), .http(200)])
        #expect(targets(dialogue) == ["/b", "/a"])
        #expect(dialogue.log.entries.map(\.exchange.duration) == [1000, 2000])
        let text = dialogue.log.entries[0].text
        #expect(text.string(.operation) == "GET" && text.string(.scheme) == "http")
        #expect(text.string(.authority) == "host")
        #expect(!dialogue.conversation.isWaiting)
    }

    private static let dialogue: [(side: Side, bytes: [UInt8])] = [
        (.client, H2.preface),
        (.server, H2.settings + H2.frame(4, 1, 0, [])),
        (
            .client,
            H2.frame(4, 1, 0, []) + H2.frame(8, 0, 0, [0, 1, 0, 0])
                // Padded, with priority, in three frames.
                + H2.frame(1, 0x29, 1, [4, 0, 0, 0, 0, 9, 0x82, 0x86] + [0, 0, 0, 0])
                + H2.frame(9, 0, 1, Array(H2.field(":path", "/one", isIndexed: true)[..<5]))
                + H2.frame(9, 4, 1, Array(H2.field(":path", "/one", isIndexed: true)[5...]))
                + H2.headers(3, [0x82, 0xBE], end: true) + H2.frame(2, 0, 5, [0, 0, 0, 3, 7]) + H2.call(5)
                + H2.headers(7, H2.get("/seven"), end: false) + H2.data(7, 300) + H2.data(7, 0)
                + H2.headers(7, H2.field("trailer", "x"), end: true)
        ),
        (
            .server,
            H2.headers(1, H2.field(":status", "103") + H2.field("link", "x"))
                + H2.frame(1, 0x0C, 1, [3] + H2.field(":status", "302", isIndexed: true) + [0, 0, 0])
                + H2.frame(5, 4, 1, [0, 0, 0, 2] + H2.get("/pushed")) + H2.headers(2, [0x88])
                + H2.data(1, 10, end: true)
                + H2.headers(3, [0xBE], end: true) + H2.headers(5, H2.grpcHead) + H2.data(5, 70)
                + H2.frame(6, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0])
                + H2.headers(7, [0x8E], end: true) + H2.trailers(5, 5)
        ),
    ]

    @Test func `padding, priority, continuations, pushes and trailers, however they are cut`() {
        let (outcome, difference) = Cuts(turns: Self.dialogue).play()
        #expect(difference == nil)
        #expect(
            outcome == [
                "http(302) 3000-4000 operation=GET,scheme=http,target=/one",
                "http(302) 3000-4000 operation=GET,target=/one",
                "http(500) 3000-4000 operation=GET,scheme=http,target=/seven,authority=host",
                "grpc(5) 3000-4000 operation=POST,scheme=http,target=/pkg.Service/Method",
            ])
    }

    @Test func `a call of gRPC ends with its trailers`() {
        var dialogue = begun()
        dialogue.client(H2.call(1))
        dialogue.server(H2.headers(1, H2.grpcHead))
        dialogue.server(H2.data(1, 1000))
        #expect(dialogue.log.entries.isEmpty)
        dialogue.server(H2.trailers(1, 0))
        #expect(dialogue.log.statuses == [.grpc(0)])
        #expect(dialogue.log.entries[0].exchange.duration == 3000)
        #expect(targets(dialogue) == ["/pkg.Service/Method"])
    }

    @Test func `gRPC with trailers only, other content types, and what is not gRPC after all`() {
        var dialogue = begun()
        dialogue.client(H2.call(1) + H2.call(3) + H2.call(5) + H2.call(7))
        dialogue.server(H2.headers(1, H2.grpcHead + H2.field("grpc-status", "12"), end: true))
        dialogue.server(H2.headers(3, H2.field(":status", "502") + H2.field("content-type", "text/html")))
        dialogue.server(H2.headers(5, [0x88] + H2.field("content-type", "application/grpc-web+proto")))
        dialogue.server(H2.headers(7, H2.grpcHead) + H2.data(7, 5, end: true))
        #expect(dialogue.log.statuses == [.grpc(12), .http(502), .http(200), .grpc(2)])
    }

    @Test func `streams that are reset or not worked on`() {
        var dialogue = begun()
        for stream: UInt32 in [1, 3, 5] { dialogue.client(H2.call(stream)) }
        for stream: UInt32 in [7, 9, 11, 13] { dialogue.client(H2.headers(stream, H2.get("/\(stream)"), end: true)) }
        dialogue.server(H2.frame(3, 0, 1, [0, 0, 0, 7]))
        dialogue.client(H2.frame(3, 0, 3, [0, 0, 0, 8]))
        dialogue.server(H2.frame(3, 0, 5, [0, 0, 0, 11]))
        dialogue.server(H2.frame(3, 0, 7, [0, 0, 0, 2]))
        dialogue.client(H2.frame(3, 0, 9, [0, 0, 0, 8]))
        dialogue.server(H2.frame(7, 0, 0, [0, 0, 0, 11, 0, 0, 0, 0]))
        dialogue.server(H2.headers(11, [0x89], end: true))
        #expect(
            dialogue.log.statuses == [
                .grpc(14), .grpc(1), .grpc(8), .unanswered, .unanswered, .unanswered, .http(204),
            ])
        #expect(!dialogue.conversation.isWaiting)
    }

    @Test func `a server that goes away in peace takes everything still`() {
        var dialogue = begun()
        dialogue.client(H2.headers(1, H2.get("/"), end: true))
        dialogue.server(H2.frame(7, 0, 0, [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]))
        dialogue.server(H2.headers(1, [0x88], end: true))
        #expect(dialogue.log.statuses == [.http(200)])
    }

    @Test func `data that were not captured`() {
        var dialogue = begun()
        for index in 0..<4 as Range<UInt32> {
            let stream = index * 2 + 1
            let upload = H2.headers(stream, H2.get("/\(stream)")) + H2.data(stream, 10_000, end: true)
            dialogue.client(Array(upload[..<1024]), tail: upload.count - 1024)
            let answer = H2.headers(stream, [0x88]) + H2.data(stream, 16_000)
            dialogue.server(Array(answer[..<1024]), tail: 10_000)
            dialogue.server([], tail: answer.count - 11_024)
            dialogue.server(H2.data(stream, 10, end: true))
        }
        #expect(dialogue.log.statuses == [.http(200), .http(200), .http(200), .http(200)])
        #expect(targets(dialogue) == ["/1", "/3", "/5", "/7"])
    }

    @Test func `frames that were not captured: the next sure beginning counts, and old references are unknown`() {
        var dialogue = begun()
        let named = H2.field(":path", "/named", isIndexed: true)
        dialogue.client(H2.headers(1, [0x82, 0x86] + named, end: true))
        dialogue.server(H2.headers(1, H2.field(":status", "418", isIndexed: true), end: true))
        dialogue.client(H2.headers(3, [0x82, 0xBE], end: true))
        dialogue.server(H2.headers(3, [0xBE], end: true))
        // Both sides lose something.
        dialogue.client(H2.headers(7, [0x82, 0xBE], end: true), missing: 40)
        dialogue.server(H2.headers(7, [0xBE], end: true), missing: 40)
        // What is entered from now on is known.
        dialogue.client(H2.headers(9, [0x82, 0x86] + H2.field(":path", "/new", isIndexed: true), end: true))
        dialogue.server(H2.headers(9, H2.field(":status", "429", isIndexed: true), end: true))
        dialogue.client(H2.headers(11, [0x82, 0xBE], end: true))
        dialogue.server(H2.headers(11, [0xBE], end: true))
        #expect(dialogue.log.statuses == [.http(418), .http(418), .http(0), .http(429), .http(429)])
        #expect(targets(dialogue) == ["/named", "/named", "-", "/new", "/new"])
    }

    @Test func `a call whose trailers were not captured has the status of HTTP`() {
        var dialogue = begun()
        dialogue.client(H2.call(1))
        let answer = H2.headers(1, H2.grpcHead) + H2.data(1, 3000) + H2.trailers(1, 0)
        dialogue.server(Array(answer[..<1024]), tail: answer.count - 1024)
        #expect(dialogue.log.statuses.isEmpty)
        // They will not come any more.
        dialogue.client(H2.call(3))
        #expect(dialogue.log.statuses == [.http(200)])
        dialogue.server(H2.headers(3, H2.grpcHead) + H2.data(3, 10) + H2.trailers(3, 7))
        #expect(dialogue.log.statuses == [.http(200), .grpc(7)])
    }

    /// A message of gRPC in frames of at most `most` bytes.
    private func message(_ stream: UInt32, _ length: Int, most: Int = 16_384) -> [UInt8] {
        let size = UInt32(length)
        var rest = [0, UInt8(size >> 24), UInt8(size >> 16 & 255), UInt8(size >> 8 & 255), UInt8(size & 255)]
        rest += (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var frames: [UInt8] = []
        while !rest.isEmpty {
            frames += H2.frame(0, 0, stream, Array(rest.prefix(most)))
            rest.removeFirst(min(most, rest.count))
        }
        return frames
    }

    /// The message fills the gap: what was entered into the table before it is still known.
    @Test(arguments: [2000, 16_379, 16_380, 40_000, 63_000])
    func `trailers after a message that is longer than what is captured`(_ length: Int) {
        var dialogue = begun()
        for stream: UInt32 in [1, 3, 5] {
            dialogue.client(H2.call(stream))
            let trailers = stream == 1 ? H2.field("grpc-status", "5", isIndexed: true) : [0xBE]
            dialogue.serverEnds(
                H2.headers(stream, H2.grpcHead) + message(stream, length) + H2.headers(stream, trailers, end: true))
        }
        #expect(dialogue.log.statuses == [.grpc(5), .grpc(5), .grpc(5)])
        #expect(dialogue.log.entries.allSatisfy { $0.exchange.duration == 1000 })
    }

    @Test func `trailers in a later segment than the beginning of the message`() {
        var dialogue = begun()
        for stream: UInt32 in [1, 3] {
            dialogue.client(H2.call(stream))
            let trailers = stream == 1 ? H2.field("grpc-status", "7", isIndexed: true) : [0xBE]
            let answer =
                H2.headers(stream, H2.grpcHead) + message(stream, 200_000) + H2.headers(stream, trailers, end: true)
            for start in stride(from: 0, to: answer.count, by: 60_000) {
                dialogue.serverEnds(Array(answer[start..<min(start + 60_000, answer.count)]))
            }
        }
        #expect(dialogue.log.statuses == [.grpc(7), .grpc(7)])
    }

    /// While one call alone waits for its trailers, nothing but its data can be in a gap, whatever its frames are like.
    @Test(arguments: [70_000, 1_000_000], [1000, 16_000])
    func `trailers after long messages of calls that are alone`(_ length: Int, _ most: Int) {
        var dialogue = begun()
        for stream: UInt32 in [1, 3, 5] {
            dialogue.client(H2.call(stream))
            let trailers = stream == 1 ? H2.field("grpc-status", "5", isIndexed: true) : [0xBE]
            let answer =
                H2.headers(stream, H2.grpcHead) + message(stream, length, most: most)
                + H2.headers(stream, trailers, end: true)
            for start in stride(from: 0, to: answer.count, by: 60_000) {
                dialogue.serverEnds(Array(answer[start..<min(start + 60_000, answer.count)]))
            }
        }
        #expect(dialogue.log.statuses == [.grpc(5), .grpc(5), .grpc(5)])
    }

    /// Once another call was made, or given up, the gap may have more in it.
    @Test(arguments: [false, true]) func `trailers after long messages of calls that are not alone`(_ isReset: Bool) {
        var dialogue = begun()
        dialogue.client(H2.call(1))
        dialogue.server(
            H2.headers(1, H2.grpcHead) + H2.headers(1, H2.field("grpc-status", "5", isIndexed: true), end: true))
        dialogue.client(H2.call(3))
        if isReset {
            dialogue.client(H2.call(5))
            dialogue.client(H2.frame(3, 0, 5, [0, 0, 0, 8]))
        }
        let answer = H2.headers(3, H2.grpcHead) + message(3, 100_000, most: 1000)
        dialogue.serverEnds(Array(answer[..<60_000]))
        if !isReset { dialogue.client(H2.call(7)) }
        dialogue.serverEnds(Array(answer[60_000...]) + H2.headers(3, [0xBE], end: true))
        #expect(dialogue.log.statuses == (isReset ? [.grpc(5), .grpc(1), .http(0)] : [.grpc(5), .http(200)]))
    }

    /// Where something else may have been in the gap, a reference may mean anything: only what is spelt out is read.
    @Test func `trailers after a gap that may have had other headers`() {
        var dialogue = begun()
        dialogue.client(H2.call(1) + H2.call(3))
        let first = H2.field("grpc-status", "5", isIndexed: true)
        dialogue.serverEnds(H2.headers(1, H2.grpcHead) + H2.headers(1, first, end: true))
        let hidden = H2.headers(9, H2.field("x", "y", isIndexed: true))
        dialogue.serverEnds(
            H2.headers(3, H2.grpcHead) + message(3, 30_000) + hidden + message(3, 300)
                + H2.headers(3, [0xBF], end: true))
        dialogue.client(H2.call(5))
        dialogue.serverEnds(
            H2.headers(5, H2.grpcHead) + message(5, 30_000) + hidden + message(5, 300) + H2.trailers(5, 9))
        #expect(dialogue.log.statuses == [.grpc(5), .http(0), .grpc(9)])
    }

    @Test func `answers that were not captured are no requests without an answer`() {
        var dialogue = begun()
        for stream: UInt32 in [1, 3, 5] { dialogue.client(H2.headers(stream, H2.get("/\(stream)"), end: true)) }
        let answers = H2.headers(1, [0x88]) + H2.data(1, 900, end: true) + H2.headers(3, [0x88], end: true)
        dialogue.server(Array(answers[..<500]), tail: answers.count - 500)
        // The end of one whose beginning was lost.
        dialogue.server(H2.data(5, 10, end: true))
        dialogue.client(H2.headers(7, H2.get("/7"), end: true))
        dialogue.conversation.giveUp(before: .max, at: 1 << 40, dialogue.log)
        #expect(dialogue.log.statuses == [.http(200), .http(0), .http(0), .unanswered])
        #expect(targets(dialogue) == ["/1", "/5", "/3", "/7"])
        #expect(dialogue.log.entries[2].exchange.duration == 2000)
    }

    @Test func `a header block that is longer than what is captured`() {
        var dialogue = begun()
        let request = H2.headers(
            1, H2.get("/long") + H2.field("cookie", String(repeating: "c", count: 3000)), end: true)
        dialogue.client(Array(request[..<1024]), tail: request.count - 1024)
        let answer = H2.headers(1, [0x8D] + H2.field("set-cookie", String(repeating: "c", count: 3000)), end: true)
        dialogue.server(Array(answer[..<1024]), tail: answer.count - 1024)
        dialogue.client(H2.headers(3, H2.get("/next"), end: true))
        dialogue.server(H2.headers(3, [0x88], end: true))
        #expect(dialogue.log.statuses == [.http(404), .http(200)])
        #expect(targets(dialogue) == ["/long", "/next"])
    }

    @Test func `connections that are older than the agent`() {
        var dialogue = Dialogue()
        dialogue.server(H2.data(9, 50))
        dialogue.client(H2.headers(11, [0x82, 0x86, 0xC5] + H2.field(":path", "/x", isIndexed: true), end: true))
        dialogue.server(H2.headers(11, [0x88, 0xC5], end: true))
        // A call whose type is a reference to what nobody saw: its trailers say that it is one.
        dialogue.client(H2.headers(13, [0x83, 0x86, 0xBE, 0xC9]) + H2.data(13, 8, end: true))
        dialogue.server(H2.headers(13, [0x88, 0xC6]) + H2.data(13, 8))
        dialogue.server(H2.trailers(13, 0))
        // And one that is none.
        dialogue.client(H2.headers(15, [0x82, 0x86, 0xBE], end: true))
        dialogue.server(H2.headers(15, [0x88, 0xC6]))
        dialogue.server(H2.data(15, 8, end: true))
        #expect(dialogue.conversation.verdict == .known(.http2))
        #expect(dialogue.log.statuses == [.http(200), .grpc(0), .http(200)])
        #expect(dialogue.log.entries.map(\.exchange.duration) == [1000, 2000, 1000])
        #expect(targets(dialogue) == ["/x", "/x", "/x"])
    }

    @Test func `status codes that are references to what nobody saw`() {
        var dialogue = Dialogue()
        dialogue.client(H2.headers(11, H2.get("/"), end: true))
        dialogue.server(H2.headers(11, [0xC5, 0xC6], end: true))
        #expect(dialogue.log.statuses == [.http(0)])
    }

    @Test func `traces that requests belong to`() {
        var dialogue = begun()
        let parent = H2.field("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", isIndexed: true)
        dialogue.client(H2.headers(1, H2.get("/") + parent, end: true))
        dialogue.client(H2.headers(3, H2.get("/") + [0xBE], end: true))
        dialogue.client(H2.headers(5, H2.get("/"), end: true))
        for stream: UInt32 in [1, 3, 5] { dialogue.server(H2.headers(stream, [0x88], end: true)) }
        let contexts = dialogue.log.entries.map(\.text.context)
        #expect(contexts[0]?.parent == 0x00F0_67AA_0BA9_02B7 && contexts[1] == contexts[0] && contexts[2] == nil)
    }

    @Test func `100,000 streams that nobody answers`() {
        var dialogue = begun()
        for index in 0..<100_000 as Range<UInt32> {
            dialogue.client(H2.headers(index * 2 + 1, [0x82, 0x84, 0x86], end: true))
        }
        #expect(dialogue.log.entries.count == 100_000 - 1024)
        dialogue.conversation.giveUp(before: .max, at: 1 << 40, dialogue.log)
        #expect(dialogue.log.entries.count == 100_000)
        #expect(dialogue.log.statuses.allSatisfy { $0 == .unanswered })
    }

    @Test func `streams of calls that last are given up as answered`() {
        var dialogue = begun()
        dialogue.client(H2.call(1))
        dialogue.server(H2.headers(1, H2.grpcHead))
        dialogue.conversation.giveUp(before: .max, at: 1 << 40, dialogue.log)
        #expect(dialogue.log.statuses == [.http(200)])
        #expect(dialogue.log.entries[0].exchange.duration == 1000)
    }

    @Test func `endless header blocks and lengths that nobody has`() {
        var dialogue = begun()
        dialogue.client(H2.frame(1, 0, 1, H2.get("/bomb")))
        for _ in 0..<1000 { dialogue.client(H2.frame(9, 0, 1, H2.field("x", String(repeating: "y", count: 1000)))) }
        dialogue.client(H2.frame(9, 5, 1, H2.field("x", "y")))
        dialogue.client([0xFF, 0xFF, 0xFF, 1, 4, 0, 0, 0, 3] + H2.get("/long"))
        for _ in 0..<100 { dialogue.client([UInt8](repeating: 0x78, count: 1024), tail: 160_000) }
        dialogue.server([0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1], tail: Int(UInt32.max))
        dialogue.server(H2.headers(1, [0x88], end: true), missing: Int(UInt32.max))
        #expect(dialogue.log.statuses == [.http(200)])
        #expect(targets(dialogue) == ["/bomb"])
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n\r\n", "\u{0}\u{0}\u{0}\u{9}\u{0}\u{3}\u{0}\u{0}\u{0}", "PRIVMSG x\r\n",
        "\u{0}\u{0}\u{0}\u{2d}\u{0}\u{0}\u{0}\u{1}\u{0}\u{0}\u{0}\u{4}",
        "\u{0}\u{0}\u{0}\u{8}\u{4}\u{52}\u{16}\u{2f}\u{0}", "\u{5}\u{0}\u{0}\u{0}\u{3}SELECT 1",
    ])
    func `what is not HTTP 2`(_ text: String) {
        let likeness = Array(text.utf8).withUnsafeBytes {
            HTTP2Parser.likeness(RawSpan(_unsafeBytes: $0), length: $0.count, from: .client)
        }
        #expect(likeness == .no)
    }
}
