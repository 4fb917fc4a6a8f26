import CAllocations
import Host
import Network
import Protocols
import Testing

@testable import Traces

/// Which trace a span belongs to, and which are kept.
@Suite struct TraceTests {
    private static let get: [(RequestText.Kind, String)] = [(.operation, "GET"), (.target, "/a")]
    private static let context = TraceContext(
        traceHigh: 0x0102_0304_0506_0708, traceLow: 0x090A_0B0C_0D0E_0F10, parent: 0x2122_2324_2526_2728,
        isSampled: true)

    private func inbound() -> SpanRecorderBox { SpanRecorderBox { $0.includesInbound = true } }

    @Test func aRequestJoinsTheTraceItNames() throws {
        var box = SpanRecorderBox()
        box.take(.http1, Self.get, context: Self.context)
        let span = try #require(box.spans().first)
        #expect(span.trace == Array(1...16) && span.parent == Array(0x21...0x28) && span.flags == 0x301)
    }

    /// Nobody would see the parent.
    @Test func aTraceThatIsNotSampledIsNotJoined() throws {
        var box = SpanRecorderBox()
        var context = Self.context
        context.isSampled = false
        box.take(.http1, Self.get, context: context)
        let span = try #require(box.spans().first)
        #expect(span.trace != Array(1...16) && span.parent.isEmpty)
    }

    @Test func withoutAnOptionThereAreNoServerSpans() {
        var box = SpanRecorderBox()
        box.take(.http1, Self.get, isInbound: true)
        #expect(box.spans().isEmpty)
    }

    /// The server answers before the client has the answer: so its exchange comes first; but either order must do.
    @Test(arguments: [true, false], [nil, Self.context])
    func bothSidesOfARequestAreOneTrace(serverFirst: Bool, context: TraceContext?) throws {
        var box = inbound()
        if !serverFirst { box.take(.http1, Self.get, context: context, start: 1000, end: 4000) }
        box.take(.http1, Self.get, .http(500), isInbound: true, context: context, start: 1500, end: 3500)
        if serverFirst { box.take(.http1, Self.get, context: context, start: 1000, end: 4000) }
        #expect(box.recorder.joined == 1)
        let spans = box.spans()
        let client = try #require(spans.first { $0.kind == 3 })
        let server = try #require(spans.first { $0.kind == 2 })
        #expect(spans.count == 2 && client.trace == server.trace && server.parent == client.id)
        #expect(client.parent == (context == nil ? [] : Array(0x21...0x28)))
        #expect(server.flags == 0x101 && server.isError && server.service == "/docker/callee")
        #expect(server.attributes["net.sock.peer.addr"] == "10.0.0.1" && server.attributes["net.host.port"] == "8080")
        #expect(server.attributes["http.url"] == "http://10.0.0.2:8080/a" && server.attributes["net.peer.name"] == nil)
    }

    @Test func whatDiffersIsNotJoined() {
        let other = Endpoint(address: SpanRecorderBox.client.address, port: 40_001)
        var box = inbound()
        box.take(.http1, Self.get, isInbound: true, start: 1500, end: 3500)
        box.take(.http1, [(.operation, "GET"), (.target, "/b")], start: 1000, end: 4000)
        box.take(.http1, Self.get, start: 1600, end: 4000)
        box.take(.http1, Self.get, start: 1000, end: 3400)
        box.take(.http1, Self.get, start: 1000, end: 4000, client: other)
        box.take(.http1, Self.get, .unanswered, start: 1000, end: 4000)
        #expect(box.recorder.joined == 0)
        let spans = box.spans()
        #expect(Set(spans.map(\.trace)).count == spans.count && spans.allSatisfy(\.parent.isEmpty))
    }

    /// The same loopback addresses are other connections in another namespace.
    @Test func loopbackIsOfOneNamespace() {
        let one = Endpoint(address: IPAddress([127, 0, 0, 1])!, port: 40_000)
        let two = Endpoint(address: IPAddress([127, 0, 0, 1])!, port: 80)
        var box = inbound()
        box.take(.http1, Self.get, isInbound: true, start: 1500, end: 3500, client: one, server: two, netns: 1)
        box.take(.http1, Self.get, start: 1000, end: 4000, client: one, server: two, netns: 2)
        box.take(.http1, Self.get, isInbound: true, start: 5500, end: 6500, client: one, server: two, netns: 0)
        box.take(.http1, Self.get, start: 5000, end: 7000, client: one, server: two, netns: 0)
        #expect(box.recorder.joined == 0)
        box.take(.http1, Self.get, start: 1000, end: 4000, client: one, server: two, netns: 1)
        #expect(box.recorder.joined == 1)
    }

    /// Pipelined requests that are all alike are joined in their order; where answers come in any order, none is.
    @Test func alikeRequestsAtOnce() {
        var box = inbound()
        for number in UInt64(0)..<3 {
            box.take(.http1, Self.get, isInbound: true, start: 1100 + number, end: 2000 + number)
        }
        for number in UInt64(0)..<3 { box.take(.http1, Self.get, start: 1000 + number, end: 3000 + number) }
        #expect(box.recorder.joined == 3)
        let spans = box.spans()
        let servers = spans.filter { $0.kind == 2 }.sorted { $0.start < $1.start }
        let clients = spans.filter { $0.kind == 3 }.sorted { $0.start < $1.start }
        #expect(zip(servers, clients).allSatisfy { $0.parent == $1.id && $0.trace == $1.trace })

        var multiplexed = inbound()
        for number in UInt64(0)..<2 {
            multiplexed.take(.http2, Self.get, isInbound: true, start: 1100 + number, end: 2000)
        }
        multiplexed.take(.http2, Self.get, start: 1000, end: 3000)
        #expect(multiplexed.recorder.joined == 0)
    }

    /// One side's ring is read before the other's: thousands of exchanges of many connections, the same request every time.
    @Test(arguments: [1, 2, 50, 1000]) func manyOfOneSideComeFirst(connections: Int) {
        var box = inbound()
        func take(_ numbers: Range<Int>, isInbound: Bool) {
            for number in numbers {
                let client = Endpoint(
                    address: SpanRecorderBox.client.address, port: UInt16(10_000 + number % connections))
                let start = UInt64(1000 + number / connections * 100)
                box.take(
                    .http1, Self.get, isInbound: isInbound, start: start + (isInbound ? 10 : 0),
                    end: start + (isInbound ? 50 : 60), client: client)
            }
        }
        for round in 0..<5 {
            let numbers = round * 8000..<(round + 1) * 8000
            take(numbers, isInbound: round.isMultiple(of: 2))
            take(numbers, isInbound: !round.isMultiple(of: 2))
        }
        #expect(box.recorder.joined == 40_000)
    }

    /// Requests to other nodes wait for nobody, and neither do those whose other side was lost: they are passed over.
    @Test func manyWithoutAnotherSide() {
        var box = inbound()
        for number in 0..<100_000 {
            let start = UInt64(1000 + number * 100)
            box.take(.http1, Self.get, start: start, end: start + 60)
            // Every hundredth has another side.
            if number % 100 == 0 { box.take(.http1, Self.get, isInbound: true, start: start + 10, end: start + 50) }
        }
        #expect(box.recorder.joined == 1000)
    }

    /// A server span that was handed over already keeps its trace; the client's span is in it.
    @Test func aBatchMayEndInBetween() throws {
        var box = inbound()
        box.take(.http1, Self.get, isInbound: true, start: 1500, end: 3500)
        let server = try #require(box.spans().first)
        box.take(.http1, Self.get, start: 1000, end: 4000)
        let client = try #require(box.spans().first)
        #expect(client.trace == server.trace && server.parent.isEmpty && client.parent.isEmpty)
    }

    @Test func samplingKeepsItsPart() {
        var box = SpanRecorderBox { $0.sampling = 0.25 }
        for _ in 0..<20_000 { box.take(.http1, Self.get) }
        let kept = box.spans()
        #expect((4_500...5_500).contains(kept.count), "\(kept.count) of 20000")
        #expect(Set(kept.map(\.id)).count == kept.count && Set(kept.map(\.trace)).count == kept.count)

        for (sampling, expected) in [(0.0, 0), (1.0, 100), (7.0, 100)] {
            var box = SpanRecorderBox { $0.sampling = sampling }
            for _ in 0..<100 { box.take(.http1, Self.get) }
            #expect(box.spans().count == expected)
        }
    }

    @Test func whatWasDrawnIsKept() {
        for sampling in [0.01, 0.25, 1] {
            var box = SpanRecorderBox { $0.sampling = sampling }
            for _ in 0..<200 { box.take(.http1, Self.get, isDrawn: true) }
            let lows = box.spans().map { $0.trace[8...].reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
            #expect(lows.count == 200 && Set(lows).count == 200)
            // Whoever samples by the id later agrees.
            let threshold = UInt64(((1 - sampling) * 72_057_594_037_927_936).rounded())
            #expect(lows.allSatisfy { $0 & (1 << 56 - 1) >= threshold })
        }
    }

    /// By the low 56 bits of the trace's id alone, so that all who see a trace agree; and both sides of a request.
    @Test func samplingIsConsistent() {
        func keeps(_ low: UInt64, _ sampling: Double) -> Bool {
            var box = SpanRecorderBox { $0.sampling = sampling }
            box.take(.http1, Self.get, context: TraceContext(traceHigh: 1, traceLow: low, parent: 1, isSampled: true))
            return !box.spans().isEmpty
        }
        #expect(keeps(0x00C0_0000_0000_0000, 0.25) && keeps(0xFFC0_0000_0000_0000, 0.25))
        #expect(!keeps(0x00BF_FFFF_FFFF_FFFF, 0.25) && !keeps(0xFFBF_FFFF_FFFF_FFFF, 0.25))

        var box = SpanRecorderBox {
            $0.includesInbound = true
            $0.sampling = 0.5
        }
        for number in UInt64(0)..<200 {
            box.take(.http1, Self.get, isInbound: true, start: 1000 * number + 200, end: 1000 * number + 300)
            box.take(.http1, Self.get, start: 1000 * number + 100, end: 1000 * number + 400)
        }
        let spans = Dictionary(grouping: box.spans(), by: \.trace)
        #expect(spans.count > 50 && spans.count < 150 && spans.values.allSatisfy { $0.count == 2 })
    }

    /// A batch that has been there before costs no allocation per span: counted in optimized builds (tools/bench spans); others
    /// allocate some for closures.
    @Test func aSpanAllocatesNothing() {
        var box = SpanRecorderBox()
        var text = RequestText()
        for (kind, value) in Self.get {
            Array(value.utf8).withUnsafeBytes { text.add(kind, RawSpan(_unsafeBytes: $0)) }
        }
        func fill() {
            for number in UInt64(0)..<1000 {
                let peer = RequestPeer(
                    isInbound: false, isTLS: false, destination: .endpoint(SpanRecorderBox.server),
                    local: SpanRecorderBox.client)
                box.recorder.take(
                    Exchange(.http1, status: .http(200), start: number, end: number + 1), text, peer,
                    from: SpanRecorderBox.caller)
            }
        }
        fill()
        #expect(box.spans().count == 1000)
        let before = bench_allocations()
        fill()
        let made = bench_allocations() - before
        #if DEBUG
            let most = 10_000
        #else
            let most = 0
        #endif
        #expect(made <= most, "\(made) allocations for 1000 spans")
    }
}
