import TestSupport
import Testing

@testable import Protocols

@Suite struct HTTP1ParserTests {
    private func text(_ log: ExchangeLog, _ kind: RequestText.Kind) -> [String] {
        log.entries.map { $0.text.string(kind) ?? "-" }
    }

    @Test func `a request ends with the first byte of its response`() {
        var dialogue = Dialogue()
        dialogue.client("GET /path?q=1 HTTP/1.1\r\nHost: example.org\r\n\r\n")
        dialogue.server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        dialogue.server("hello")
        #expect(dialogue.conversation.verdict == .known(.http1))
        #expect(dialogue.log.statuses == [.http(200)])
        let entry = dialogue.log.entries[0]
        #expect(entry.exchange.duration == 1000)
        #expect(entry.text.string(.operation) == "GET")
        #expect(entry.text.string(.target) == "/path?q=1")
        #expect(entry.text.string(.authority) == "example.org")
        #expect(!dialogue.conversation.isWaiting)
    }

    @Test func `without texts there are none`() {
        var dialogue = Dialogue(wantsText: false)
        dialogue.client("GET / HTTP/1.1\r\nHost: a\r\ntraceparent: x\r\n\r\n")
        dialogue.server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        #expect(dialogue.log.statuses == [.http(404)])
        #expect(dialogue.log.entries[0].text.isEmpty)
    }

    @Test(arguments: [
        "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "MKCOL", "M-SEARCH",
    ])
    func `every method`(_ method: String) {
        var dialogue = Dialogue()
        dialogue.client("\(method) /x HTTP/1.1\r\nHost: a\r\n\r\n")
        dialogue.server("HTTP/1.1 204 No Content\r\n\r\n")
        #expect(dialogue.log.statuses == [.http(204)])
        #expect(text(dialogue.log, .operation) == [method])
    }

    @Test func `targets of every form`() {
        var dialogue = Dialogue()
        for target in ["/", "*", "http://example.org:80/a?b", "/%20a;b"] {
            dialogue.client("OPTIONS \(target) HTTP/1.0\r\n\r\n")
            dialogue.server("HTTP/1.0 200\r\nContent-Length: 0\r\n\r\n")
        }
        #expect(text(dialogue.log, .target) == ["/", "*", "http://example.org:80/a?b", "/%20a;b"])
    }

    private static let pipelined: [(side: Side, bytes: [UInt8])] = [
        (
            .client,
            Array(
                """
                GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 18\r\nHost: b\r\n\r\n\
                GET /no HTTP/1.1\r\nHEAD /3 HTTP/1.1\r\n\r\nPUT /4 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
                12;x=y\r\nGET /no HTTP/1.1\r\n\r\n0\r\nTrailer: z\r\n\r\nGET /5 HTTP/1.1\r\n\r\n
                """.utf8)
        ),
        (
            .server,
            Array(
                """
                HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\nHTTP/1.1 500 no\r\n\
                HTTP/1.1 201 Created\r\ntransfer-encoding: gzip, chunked\r\n\r\n\
                11\r\nHTTP/1.1 500 no\r\n\r\n0\r\n\r\n\
                HTTP/1.1 302 Found\r\nContent-Length: 4000\r\n\r\n\
                HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n\
                HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 418 Teapot\r\n\r\nthe end
                """.utf8)
        ),
    ]

    @Test func `pipelined requests, bodies, chunks and interim responses, however they are cut`() {
        let (outcome, difference) = Cuts(turns: Self.pipelined).play()
        #expect(difference == nil)
        #expect(
            outcome == [
                "http(200) 1000-2000 operation=GET,target=/1,authority=a",
                "http(201) 1000-2000 operation=POST,target=/2,authority=b",
                "http(302) 1000-2000 operation=HEAD,target=/3",
                "http(304) 1000-2000 operation=PUT,target=/4",
                "http(418) 1000-2000 operation=GET,target=/5",
            ])
    }

    @Test func `expectations: the interim response ends nothing`() {
        var dialogue = Dialogue()
        dialogue.client("POST / HTTP/1.1\r\nContent-Length: 24\r\nExpect: 100-continue\r\n\r\n")
        dialogue.server("HTTP/1.1 100 Continue\r\n\r\n")
        #expect(dialogue.log.entries.isEmpty && dialogue.conversation.isWaiting)
        dialogue.client("GET /no HTTP/1.1\r\n\r\n1234")
        dialogue.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        dialogue.client("GET /yes HTTP/1.1\r\n\r\n")
        dialogue.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(text(dialogue.log, .target) == ["/", "/yes"])
        #expect(dialogue.log.entries[0].exchange.duration == 3000)
    }

    @Test func `bodies that were not captured`() {
        var dialogue = Dialogue()
        for index in 0..<4 {
            dialogue.client("GET /\(index) HTTP/1.1\r\n\r\n")
            let head = Array("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".utf8)
            dialogue.server(head, tail: 60_000)
            dialogue.server([], tail: 39_000)
            dialogue.server([UInt8](repeating: 0x48, count: 1000))
        }
        #expect(dialogue.log.statuses == [.http(200), .http(200), .http(200), .http(200)])
        #expect(text(dialogue.log, .target) == ["/0", "/1", "/2", "/3"])
    }

    @Test func `chunk headers that were not captured: the next turn is a beginning again`() {
        var dialogue = Dialogue()
        for index in 0..<4 {
            dialogue.client("GET /\(index) HTTP/1.1\r\n\r\n")
            dialogue.server(Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n".utf8), tail: 5000)
            dialogue.server("HTTP/1.1 500 not a response but a body\r\n\r\n")
        }
        #expect(dialogue.log.statuses == [.http(200), .http(200), .http(200), .http(200)])
        #expect(text(dialogue.log, .target) == ["/0", "/1", "/2", "/3"])
    }

    @Test func `a body is no request, even where its beginning was lost`() {
        var dialogue = Dialogue()
        let upload = "POST /up HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n"
        dialogue.client(Array(upload.utf8), tail: 3000)
        dialogue.client("GET /no HTTP/1.1\r\nHost: body\r\n\r\n")
        dialogue.client(Array("GET /no HTTP/1.1\r\nHost: body\r\n\r\n".utf8), missing: 100)
        dialogue.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        dialogue.client("GET /yes HTTP/1.1\r\n\r\n")
        dialogue.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(text(dialogue.log, .target) == ["/up", "/yes"])
    }

    @Test func `heads that are longer than what is captured`() {
        var dialogue = Dialogue()
        let cookie = "Cookie: " + String(repeating: "c", count: 900)
        for index in 0..<3 {
            let head = "GET /\(index) HTTP/1.1\r\nHost: a\r\n\(cookie)"
            dialogue.client(Array(head.utf8), tail: 700)
            dialogue.server(Array("HTTP/1.1 20\(index) OK\r\n\(cookie)".utf8), tail: 4000)
            dialogue.server("rest of the body")
        }
        #expect(dialogue.log.statuses == [.http(200), .http(201), .http(202)])
        #expect(text(dialogue.log, .authority) == ["a", "a", "a"])
    }

    @Test func `a target that is longer than what is captured is cut`() {
        var dialogue = Dialogue()
        dialogue.client(Array("GET /\(String(repeating: "a", count: 1000))".utf8), tail: 700)
        dialogue.server("HTTP/1.1 414 URI Too Long\r\nContent-Length: 0\r\n\r\n")
        #expect(dialogue.log.statuses == [.http(414)])
        let text = dialogue.log.entries[0].text
        #expect(text.first(.target)?.isCut == true)
        #expect(text.string(.target)?.utf8.count == 1001)
    }

    @Test func `a target that is longer than the limit is cut`() {
        var dialogue = Dialogue(.http1)
        let target = "/" + String(repeating: "a", count: 5000)
        dialogue.client("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
        dialogue.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(dialogue.log.statuses == [.http(200), .http(201)])
        #expect(dialogue.log.entries[0].text.first(.target)?.isCut == true)
        #expect(dialogue.log.entries[0].text.string(.target)?.utf8.count == 1024)
    }

    @Test func `responses among lost bytes are counted without their status`() {
        var dialogue = Dialogue()
        dialogue.client("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n")
        dialogue.server(Array("HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n".utf8), tail: 6000)
        dialogue.client("GET /4 HTTP/1.1\r\n\r\n")
        dialogue.server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        #expect(dialogue.log.statuses == [.http(200), .http(0), .http(0), .http(404)])
        #expect(text(dialogue.log, .target) == ["/1", "/2", "/3", "/4"])
        #expect(dialogue.log.entries[1].exchange.duration == 1000)
    }

    @Test func `requests among bytes that were not captured are counted by their responses`() {
        let answer = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhi"
        var dialogue = Dialogue()
        // Five at once: two and a half were captured, and two bytes of a request line tell nothing.
        dialogue.client(Array("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGE".utf8), tail: 60)
        dialogue.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + answer + answer)
        dialogue.server(answer)
        // One of those that were asked after them: the order tells.
        dialogue.client("GET /6 HTTP/1.1\r\n\r\n")
        dialogue.server(answer)
        dialogue.server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        #expect(
            dialogue.log.statuses
                == [.http(200), .http(201), .http(201), .http(201), .http(201), .http(404)])
        #expect(text(dialogue.log, .target) == ["/1", "/2", "-", "-", "/6", "-"])
        // The third was seen when the segment of all five was.
        #expect(dialogue.log.entries[2].exchange.duration == 1000)
        #expect(dialogue.log.entries[3].exchange.duration == 2000)
    }

    @Test func `a segment of requests that was lost is counted by their responses`() {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
        var dialogue = Dialogue()
        dialogue.client("GET /1 HTTP/1.1\r\n\r\n")
        dialogue.server(answer)
        dialogue.client(Array("GET /4 HTTP/1.1\r\n\r\n".utf8), missing: 40)
        for _ in 0..<3 { dialogue.server(answer) }
        #expect(dialogue.log.statuses == [.http(200), .http(200), .http(200), .http(200)])
    }

    @Test func `a response without length goes on until the end`() {
        var dialogue = Dialogue()
        dialogue.client("GET / HTTP/1.0\r\n\r\n")
        dialogue.server("HTTP/1.0 200 OK\r\n\r\nbody")
        dialogue.server("HTTP/1.0 500 body\r\n\r\n")
        #expect(dialogue.log.statuses == [.http(200)])
    }

    @Test func `tunnels and web sockets are not read any further`() {
        for (request, response) in [
            ("CONNECT a:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"),
            ("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        ] {
            var dialogue = Dialogue()
            dialogue.client(request)
            dialogue.server(response)
            #expect(dialogue.log.entries.count == 1)
            #expect(dialogue.conversation.verdict == .none)
            dialogue.client("GET /no HTTP/1.1\r\n\r\n")
            dialogue.server("HTTP/1.1 200 OK\r\n\r\n")
            #expect(dialogue.log.entries.count == 1)
        }
    }

    @Test func `a proxy that refuses a tunnel goes on`() {
        var dialogue = Dialogue()
        dialogue.client("CONNECT a:443 HTTP/1.1\r\n\r\n")
        dialogue.server("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 3\r\n\r\nno!")
        dialogue.client("CONNECT a:443 HTTP/1.1\r\n\r\n")
        dialogue.server("HTTP/1.1 200 OK\r\n\r\n")
        #expect(dialogue.log.statuses == [.http(407), .http(200)])
    }

    @Test func `an upgrade to HTTP 2 is answered there`() {
        var dialogue = Dialogue()
        dialogue.client("GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n")
        let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
        dialogue.server(Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n".utf8) + settings)
        dialogue.client(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + settings)
        // :status 404 on stream 1.
        dialogue.server([0, 0, 1, 1, 5, 0, 0, 0, 1, 0x8D])
        #expect(dialogue.log.statuses == [.http(404)])
        #expect(text(dialogue.log, .target) == ["/up"])
        // GET / on stream 3.
        dialogue.client([0, 0, 3, 1, 5, 0, 0, 0, 3, 0x82, 0x84, 0x86])
        dialogue.server([0, 0, 1, 1, 5, 0, 0, 0, 3, 0x88])
        #expect(dialogue.log.statuses == [.http(404), .http(200)])
        #expect(text(dialogue.log, .target) == ["/up", "/"])
    }

    @Test func `connections that are older than the agent`() {
        var dialogue = Dialogue()
        dialogue.server("the end of some body")
        dialogue.client("GET /1 HTTP/1.1\r\n\r\n")
        dialogue.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(dialogue.log.statuses == [.http(200)])
        var flipped = Dialogue()
        flipped.server("GET /1 HTTP/1.1\r\n\r\n")
        flipped.client("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(flipped.log.statuses == [.http(200)] && flipped.conversation.isFlipped)
    }

    @Test func `a response to nothing that was seen`() {
        var dialogue = Dialogue()
        // To a HEAD, perhaps.
        dialogue.server("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        dialogue.client("GET /1 HTTP/1.1\r\n\r\n")
        dialogue.server("HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(dialogue.log.statuses == [.http(201)])
    }

    @Test func `requests that nobody answers`() {
        var dialogue = Dialogue()
        dialogue.client("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
        dialogue.conversation.giveUp(before: 0, at: 5_000_000, dialogue.log)
        #expect(dialogue.log.entries.isEmpty && dialogue.conversation.isWaiting)
        dialogue.conversation.giveUp(before: .max, at: 5_000_000, dialogue.log)
        #expect(dialogue.log.statuses == [.unanswered, .unanswered])
        #expect(!dialogue.conversation.isWaiting)
    }

    @Test func `traces that requests belong to`() {
        let trace = TraceContext(
            traceHigh: 0x4BF9_2F35_77B3_4DA6, traceLow: 0xA3CE_929D_0E0E_4736, parent: 0x00F0_67AA_0BA9_02B7,
            isSampled: true)
        var short = trace
        short.traceHigh = 0
        var unsampled = trace
        unsampled.isSampled = false
        let id = "4bf92f3577b34da6a3ce929d0e0e4736"
        let cases: [(String, TraceContext?)] = [
            ("traceparent: 00-\(id)-00f067aa0ba902b7-01", trace),
            ("Traceparent:00-\(id)-00f067aa0ba902b7-00 ", unsampled),
            ("traceparent: cc-\(id)-00f067aa0ba902b7-01-more", trace),
            ("traceparent: 00-\(id)-00f067aa0ba902b7-01-more", nil),
            ("traceparent: ff-\(id)-00f067aa0ba902b7-01", nil),
            ("traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01", nil),
            ("traceparent: 00-\(id)-0000000000000000-01", nil),
            ("traceparent: 00-\(id)-00f067aa0ba902bx-01", nil),
            ("b3: \(id)-00f067aa0ba902b7-1-05e3ac9a4f6e3b90", trace),
            ("b3: \(id)-00f067aa0ba902b7", trace),
            ("b3: a3ce929d0e0e4736-00f067aa0ba902b7-d", short),
            ("b3: 0", nil),
            ("X-B3-TraceId: \(id)\r\nX-B3-SpanId: 00f067aa0ba902b7\r\nX-B3-Sampled: 0", unsampled),
            ("X-B3-TraceId: \(id)\r\nX-B3-SpanId: 00f067aa0ba902b7", trace),
            ("X-B3-TraceId: \(id)", nil),
            ("b3: a3ce929d0e0e4736-00f067aa0ba902b8-d\r\ntraceparent: 00-\(id)-00f067aa0ba902b7-01", trace),
        ]
        for (headers, expected) in cases {
            var dialogue = Dialogue()
            dialogue.client("GET / HTTP/1.1\r\n\(headers)\r\n\r\n")
            dialogue.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            #expect(dialogue.log.entries.first?.text.context == expected, "\(headers)")
        }
    }

    @Test(arguments: [
        "get key\r\n", "GET key\r\n", "*1\r\n$4\r\nPING\r\n", "EHLO mail\r\n", "CONNECT {\"verbose\":false}\r\n",
        "GET / HTTP/2.0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET  HTTP/1.1\r\n", "OPTIONS sip:a SIP/2.0\r\n",
    ])
    func `what is not HTTP`(_ text: String) {
        let likeness = Array(text.utf8).withUnsafeBytes {
            HTTP1Parser.likeness(RawSpan(_unsafeBytes: $0), length: $0.count, from: .client)
        }
        #expect(likeness == .no)
    }

    @Test func `lengths that nobody has`() {
        for header in [
            "Content-Length: 4294967296", "Content-Length: 999999999999999999", "Content-Length: 99999999999999999999",
            "Content-Length: -1", "Content-Length: 5\r\nContent-Length: 6", "Content-Length:",
            "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF", "Transfer-Encoding: chunked\r\n\r\n7FFFFFFFFFFFFFF",
        ] {
            var dialogue = Dialogue()
            dialogue.client("POST / HTTP/1.1\r\n\(header)\r\n\r\nGET /no HTTP/1.1\r\n\r\n")
            dialogue.client(Array("GET /no HTTP/1.1\r\n\r\n".utf8), missing: Int(Int32.max), tail: Int(UInt32.max))
            dialogue.server("HTTP/1.1 200 OK\r\n\(header)\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
            dialogue.server([], missing: Int(UInt32.max), tail: Int(UInt32.max))
            #expect(dialogue.log.entries.count == 1)
        }
    }

    @Test func `endless heads are passed over`() {
        var dialogue = Dialogue()
        dialogue.client("GET / HTTP/1.1\r\n")
        for index in 0..<20_000 { dialogue.client("Host: host\(index)\r\nX-\(index): \(index)\r\n") }
        dialogue.client("X: " + String(repeating: "x", count: 1_000_000))
        dialogue.client("\r\n\r\n")
        dialogue.server("HTTP/1.1 431 Too Large\r\nContent-Length: 0\r\n\r\n")
        #expect(dialogue.log.statuses == [.http(431)])
        #expect(text(dialogue.log, .authority) == ["host0"])
        #expect(dialogue.log.entries[0].text.count == 3)
    }

    @Test func `more pipelined requests than anybody remembers`() {
        var dialogue = Dialogue()
        for index in 0..<1000 { dialogue.client("GET /\(index) HTTP/1.1\r\n\r\n") }
        dialogue.conversation.giveUp(before: .max, at: 5_000_000, dialogue.log)
        #expect(dialogue.log.entries.count == 1000)
        #expect(dialogue.log.statuses.allSatisfy { $0 == .unanswered })
    }
}
