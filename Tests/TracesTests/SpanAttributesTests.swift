import Host
import Linux
import Network
import Protocols
import Testing

@testable import Traces

/// Names and attributes of spans, by protocol.
@Suite struct SpanAttributesTests {
    private static let peer = ["net.peer.name": "10.0.0.2", "net.peer.port": "8080"]

    struct Case: Sendable {
        let applicationProtocol: ApplicationProtocol
        let texts: [(RequestText.Kind, String)]
        let status: ExchangeStatus
        var method = ExchangeMethod.request
        let name: String
        let attributes: [String: String]
        var isError = false
        var kind: UInt64 = 3
    }

    static let cases = [
        Case(
            applicationProtocol: .http1,
            texts: [(.operation, "GET"), (.target, "/a?b=1"), (.authority, "shop.example")],
            status: .http(404), name: "GET",
            attributes: ["http.url": "http://10.0.0.2:8080/a?b=1", "http.method": "GET", "http.status_code": "404"],
            isError: true),
        Case(
            applicationProtocol: .http2,
            texts: [(.operation, "POST"), (.target, "/shop.Cart/Add"), (.scheme, "https")],
            status: .grpc(13), name: "POST",
            attributes: [
                "http.url": "https://10.0.0.2:8080/shop.Cart/Add", "http.method": "POST", "http.status_code": "200",
                "rpc.grpc.status_code": "13",
            ], isError: true),
        Case(
            applicationProtocol: .http2, texts: [], status: .http(200), name: "unknown",
            attributes: [
                "http.url": "http://10.0.0.2:8080/", "http.method": "unknown", "http.status_code": "200",
            ]),
        Case(
            applicationProtocol: .postgres,
            texts: [(.operation, "query"), (.statement, "SELECT 1"), (.database, "shop")],
            status: .ok, name: "query", attributes: ["db.system": "postgresql", "db.statement": "SELECT 1"]),
        Case(
            applicationProtocol: .mysql, texts: [(.statement, "SELECT x")], status: .failed, name: "query",
            attributes: ["db.system": "mysql", "db.statement": "SELECT x"], isError: true),
        Case(
            applicationProtocol: .mongo, texts: [(.operation, "find"), (.statement, "{\"find\": \"t\"}")], status: .ok,
            name: "query", attributes: ["db.system": "mongodb", "db.statement": "{\"find\": \"t\"}"]),
        Case(
            applicationProtocol: .clickhouse, texts: [], status: .ok, name: "query",
            attributes: ["db.system": "clickhouse", "db.statement": ""]),
        Case(
            applicationProtocol: .cassandra, texts: [(.statement, "SELECT c")], status: .ok, name: "query",
            attributes: ["db.system": "cassandra", "db.statement": "SELECT c"]),
        Case(
            applicationProtocol: .memcached, texts: [(.operation, "get"), (.item, "k1"), (.item, "k2")], status: .ok,
            name: "get",
            attributes: ["db.system": "memcached", "db.operation": "get", "db.memcached.item": "k1,k2"]),
        Case(
            applicationProtocol: .redis, texts: [(.operation, "SET"), (.target, "k"), (.statement, "SET k ...")],
            status: .ok, name: "SET",
            attributes: ["db.system": "redis", "db.operation": "SET", "db.statement": "SET k ..."]),
        Case(
            applicationProtocol: .zookeeper, texts: [(.operation, "getData"), (.target, "/a")],
            status: .zookeeper(-101),
            name: "getData",
            attributes: [
                "db.system": "zookeeper", "db.operation": "getData", "db.statement": "getData /a",
                "zookeeper.status_code": "-101",
            ]),
        Case(
            applicationProtocol: .kafka, texts: [(.operation, "Produce"), (.target, "orders")], status: .ok,
            name: "Produce",
            attributes: [
                "messaging.system": "kafka", "messaging.operation": "Produce", "messaging.destination.name": "orders",
            ]),
        Case(
            applicationProtocol: .nats, texts: [(.target, "news")], status: .ok, method: .produce, name: "publish",
            attributes: [
                "messaging.system": "nats", "messaging.operation": "publish", "messaging.destination.name": "news",
            ], kind: 4),
        Case(
            applicationProtocol: .rabbitmq, texts: [(.operation, "deliver"), (.target, "q")], status: .ok,
            method: .consume, name: "deliver",
            attributes: [
                "messaging.system": "rabbitmq", "messaging.operation": "deliver", "messaging.destination.name": "q",
            ], kind: 5),
        Case(
            applicationProtocol: .dns, texts: [(.operation, "TypeA"), (.target, "example.com")], status: .dns(2),
            name: "TypeA",
            attributes: [
                "dns.question.type": "TypeA", "dns.question.name": "example.com", "dns.response_code": "2",
            ], isError: true),
    ]

    @Test(arguments: cases.indices)
    func aSpanSaysWhatWasAsked(index: Int) throws {
        let expected = Self.cases[index]
        var box = SpanRecorderBox()
        box.take(expected.applicationProtocol, expected.texts, expected.status, method: expected.method)
        let span = try #require(box.spans().first)
        #expect(span.name == expected.name && span.kind == expected.kind && span.isError == expected.isError)
        #expect(span.attributes == expected.attributes.merging(Self.peer) { one, _ in one })
        #expect(span.trace.count == 16 && span.id.count == 8 && span.parent.isEmpty)
        #expect(span.service == "/docker/caller")
    }

    @Test func withoutMethodQueryOrCommandThereIsNoSpan() {
        var box = SpanRecorderBox()
        for applicationProtocol in ApplicationProtocol.allCases
        where applicationProtocol != .http2 && applicationProtocol != .clickhouse {
            box.take(applicationProtocol, [(.operation, ""), (.statement, "")], .ok)
        }
        box.take(.dubbo2, [(.operation, "x"), (.statement, "y")], .ok)
        box.take(.foundationdb, [(.operation, "x"), (.statement, "y")], .ok)
        #expect(box.spans().isEmpty)
    }

    @Test func theActualDestinationCounts() throws {
        var box = SpanRecorderBox()
        let actual = Endpoint(address: IPAddress(Array(repeating: 0, count: 15) + [9])!, port: 90)
        box.take(.http1, [(.operation, "GET"), (.target, "/")], isTLS: true, actual: actual)
        let span = try #require(box.spans().first)
        #expect(span.attributes["net.peer.name"] == "::9" && span.attributes["net.peer.port"] == "90")
        #expect(span.attributes["http.url"] == "https://[::9]:90/")
    }

    @Test func whatIsCutSaysSo() {
        var box = SpanRecorderBox()
        box.take(.http1, [(.operation, "GET"), (.target, "/long")], isCut: true)
        box.take(.redis, [(.operation, "SET"), (.statement, "SET k...")], .ok, isCut: true)
        box.take(.clickhouse, [(.statement, "SELECT 1")], .ok, isCut: true)
        let spans = box.spans()
        #expect(spans.count == 3)
        #expect(spans[0].attributes["http.url"] == "http://10.0.0.2:8080/long...")
        #expect(spans[1].attributes["db.statement"] == "SET k...")
        #expect(spans[2].attributes["db.statement"] == "SELECT 1...<TRUNCATED>")
    }

    @Test func stableNamesOnRequest() throws {
        let texts: [(RequestText.Kind, String)] = [
            (.operation, "GET"), (.target, "/a?b=1"), (.authority, "shop.example"),
        ]
        var stable = SpanRecorderBox { $0.conventions = .stable }
        stable.take(.http1, texts, .http(500))
        let client = try #require(stable.spans().first)
        #expect(
            client.attributes == [
                "server.address": "10.0.0.2", "server.port": "8080", "network.peer.address": "10.0.0.2",
                "network.peer.port": "8080", "http.request.method": "GET", "http.response.status_code": "500",
                "url.full": "http://shop.example/a?b=1", "error.type": "500",
            ])
        var both = SpanRecorderBox { $0.conventions = .both }
        both.take(.postgres, [(.statement, "SELECT 1"), (.database, "shop")], .ok)
        let query = try #require(both.spans().first)
        #expect(query.attributes["db.system"] == "postgresql" && query.attributes["db.system.name"] == "postgresql")
        #expect(query.attributes["db.statement"] == "SELECT 1" && query.attributes["db.query.text"] == "SELECT 1")
        #expect(query.attributes["db.namespace"] == "shop")
    }

    @Test func valuesAreLeftOutWhereThatIsWanted() {
        var box = SpanRecorderBox { $0.obfuscatesQueries = true }
        box.take(.postgres, [(.statement, "SELECT * FROM t WHERE name = 'secret'")], .ok)
        box.take(.mongo, [(.statement, "{\"find\": \"t\", \"filter\": {\"a\": \"secret\"}}")], .ok)
        box.take(.redis, [(.operation, "GET"), (.target, "secret"), (.statement, "GET secret")], .ok)
        box.take(.memcached, [(.operation, "get"), (.item, "secret")], .ok)
        let spans = box.spans()
        #expect(spans.count == 4)
        #expect(spans[0].attributes["db.statement"] == "SELECT * FROM t WHERE name = ?")
        #expect(spans[2].attributes["db.statement"] == "GET ?")
        for span in spans { #expect(!span.attributes.values.contains { $0.contains("secret") }) }
    }

    @Test func timesAreThoseOfTheWallClock() throws {
        var box = SpanRecorderBox()
        let (monotonic, wall) = (MonotonicClock.now(), MonotonicClock.wallTime())
        box.take(.http1, [(.operation, "GET")], start: monotonic - 5_000_000, end: monotonic)
        let span = try #require(box.spans().first)
        #expect(span.end - span.start == 5_000_000)
        // Both clocks were read within a moment of each other.
        #expect(abs(Int64(span.end) - Int64(wall)) < 1_000_000_000)
    }
}
