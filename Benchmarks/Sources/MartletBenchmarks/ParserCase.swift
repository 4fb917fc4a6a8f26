import FoundationEssentials
import Protocols

/// A connection of one protocol: how it begins, and a typical request with its answer, over and over.
struct ParserCase {
    struct Segment {
        let side: Side
        let bytes: [UInt8]
    }

    let name: String
    let applicationProtocol: ApplicationProtocol
    var beginning: [Segment] = []
    /// The turn of a number; each is one request.
    let turn: (Int) -> [Segment]

    static func all() throws -> [ParserCase] {
        try [
            http1, http2, grpc, recorded("postgres", .postgres, "postgres-simple", 6..<8),
            recorded("mysql", .mysql, "mysql-mariadb", 7..<9), recorded("redis", .redis, "redis-cli", 2..<4),
            recorded("memcached", .memcached, "memcached-text", 2..<4),
            recorded("mongo", .mongo, "mongo-pymongo", 2..<4), kafka, cassandra, rabbitmq, nats, dubbo2, dns,
            recorded("clickhouse", .clickhouse, "clickhouse-1", 4..<11), zookeeper, foundationdb,
        ]
    }

    /// What a real client and server said (Tests/ProtocolsTests/Recordings): `turn` again and again behind what came before it.
    private static func recorded(
        _ name: String, _ applicationProtocol: ApplicationProtocol, _ recording: String, _ turn: Range<Int>
    ) throws -> ParserCase {
        let path = "\(#filePath)".replacing(
            "Benchmarks/Sources/MartletBenchmarks/ParserCase.swift",
            with: "Tests/ProtocolsTests/Recordings/\(recording).txt")
        let lines = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self).split(separator: "\n")
        guard lines.count >= turn.upperBound else { throw BenchmarkError("\(path) is too short") }
        let segments = lines.map { line in
            let fields = line.split(separator: " ")
            let digits = fields[1].compactMap { UInt8($0.hexDigitValue ?? 0) }
            return Segment(
                side: fields[0] == "C" ? .client : .server,
                bytes: stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
        }
        let again = Array(segments[turn])
        return ParserCase(
            name: name, applicationProtocol: applicationProtocol, beginning: Array(segments[..<turn.lowerBound])
        ) { _ in again }
    }

    private static func same(
        _ name: String, _ applicationProtocol: ApplicationProtocol, _ beginning: [Segment] = [], _ turn: Segment...
    ) -> ParserCase {
        ParserCase(name: name, applicationProtocol: applicationProtocol, beginning: beginning) { _ in turn }
    }

    private static func client(_ bytes: [UInt8]) -> Segment { Segment(side: .client, bytes: bytes) }
    private static func server(_ bytes: [UInt8]) -> Segment { Segment(side: .server, bytes: bytes) }
    private static func client(_ text: String) -> Segment { client(Array(text.utf8)) }
    private static func server(_ text: String) -> Segment { server(Array(text.utf8)) }

    private static func big<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    /// Behind its length of type `Length`.
    private static func sized<Length: FixedWidthInteger>(_: Length.Type, _ bytes: [UInt8]) -> [UInt8] {
        big(Length(bytes.count)) + bytes
    }

    private static func sized<Length: FixedWidthInteger>(_ length: Length.Type, _ text: String) -> [UInt8] {
        sized(length, Array(text.utf8))
    }

    private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    // MARK: HTTP and DNS

    private static var http1: ParserCase {
        same(
            "http1", .http1, [],
            client(
                """
                GET /catalogue/items?page=2 HTTP/1.1\r\nHost: shop.example.org\r\nUser-Agent: curl/8.0\r\n\
                Accept: */*\r\nAccept-Encoding: gzip\r\n\r\n
                """),
            server("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"))
    }

    private static func frame(_ kind: UInt8, _ flags: UInt8, _ stream: Int, _ payload: [UInt8]) -> [UInt8] {
        Array(big(UInt32(payload.count)).dropFirst()) + [kind, flags] + big(UInt32(stream)) + payload
    }

    private static func field(_ name: String, _ value: String) -> [UInt8] {
        [0] + sized(UInt8.self, name) + sized(UInt8.self, value)
    }

    private static let preface = [
        client(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0, [])), server(frame(4, 0, 0, [])),
    ]

    private static var http2: ParserCase {
        let request = [0x82, 0x86] + field(":path", "/catalogue/items") + field(":authority", "shop.example.org")
        return ParserCase(name: "http2", applicationProtocol: .http2, beginning: preface) {
            let stream = 2 * $0 + 1
            return [
                client(frame(1, 5, stream, request)),
                server(frame(1, 4, stream, [0x88]) + frame(0, 1, stream, zeros(100))),
            ]
        }
    }

    private static var grpc: ParserCase {
        let request =
            [0x83, 0x86] + field(":path", "/shop.Orders/Find") + field("content-type", "application/grpc")
            + field("te", "trailers")
        let head = [0x88] + field("content-type", "application/grpc")
        return ParserCase(name: "grpc", applicationProtocol: .http2, beginning: preface) {
            let stream = 2 * $0 + 1
            return [
                client(frame(1, 4, stream, request) + frame(0, 1, stream, zeros(20))),
                server(
                    frame(1, 4, stream, head) + frame(0, 0, stream, zeros(30))
                        + frame(1, 5, stream, field("grpc-status", "0"))),
            ]
        }
    }

    private static var dns: ParserCase {
        let name: [UInt8] = sized(UInt8.self, "www") + sized(UInt8.self, "example") + sized(UInt8.self, "org") + [0]
        let question = name + [0, 1, 0, 1]
        let record: [UInt8] = [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]
        return same(
            "dns", .dns, [], client(sized(UInt16.self, [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + question)),
            server(sized(UInt16.self, [0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0] + question + record)))
    }

    // MARK: Brokers and databases, by their specifications

    private static var kafka: ParserCase {
        let head = big(Int16(0)) + big(Int16(7)) + big(Int32(9)) + sized(Int16.self, "rdkafka")
        let topic = big(Int32(1)) + sized(Int16.self, "orders") + big(Int32(1)) + big(Int32(0))
        return same(
            "kafka", .kafka, [],
            client(
                sized(
                    Int32.self,
                    head + big(Int16(-1)) + big(Int16(-1)) + big(Int32(1000)) + topic
                        + sized(Int32.self, [UInt8](repeating: 0xFF, count: 100)))),
            server(sized(Int32.self, big(Int32(9)) + topic + big(Int16(0)) + zeros(24) + big(Int32(0)))))
    }

    private static var cassandra: ParserCase {
        let query = sized(UInt32.self, "SELECT * FROM shop.orders WHERE id = 7") + big(UInt16(1)) + [0]
        return same(
            "cassandra", .cassandra, [], client([4, 0, 0, 5, 7] + sized(UInt32.self, query)),
            server([0x84, 0, 0, 5, 8] + sized(UInt32.self, big(UInt32(2)) + zeros(60))))
    }

    private static var rabbitmq: ParserCase {
        func frame(_ type: UInt8, _ payload: [UInt8]) -> [UInt8] {
            [type] + big(UInt16(1)) + sized(UInt32.self, payload) + [0xCE]
        }
        let publish = [0, 60, 0, 40, 0, 0] + sized(UInt8.self, "logs") + sized(UInt8.self, "app.error") + [0]
        return same(
            "rabbitmq", .rabbitmq, [client(Array("AMQP".utf8) + [0, 0, 9, 1])],
            client(
                frame(1, publish) + frame(2, [0, 60, 0, 0] + big(UInt64(20)) + [0, 0])
                    + frame(3, [UInt8](repeating: 0x78, count: 20))))
    }

    private static var nats: ParserCase {
        same(
            "nats", .nats, [server("INFO {\"server_id\":\"x\"} \r\n"), client("CONNECT {\"verbose\":false}\r\n")],
            client("PUB orders.new 20\r\nabcdefghijklmnopqrst\r\n"))
    }

    private static var dubbo2: ParserCase {
        let body =
            sized(UInt8.self, "2.0.2") + sized(UInt8.self, "org.shop.Orders") + sized(UInt8.self, "0.0.0")
            + sized(UInt8.self, "find") + [UInt8](repeating: 0x48, count: 30)
        return same(
            "dubbo2", .dubbo2, [], client([0xDA, 0xBB, 0xC2, 0] + big(UInt64(9)) + sized(UInt32.self, body)),
            server([0xDA, 0xBB, 2, 20] + big(UInt64(9)) + sized(UInt32.self, [0x91, 5, 6, 7])))
    }

    private static var zookeeper: ParserCase {
        let opening = zeros(12) + big(Int32(10_000)) + big(Int64(0)) + big(Int32(16)) + zeros(17)
        let opened = big(Int32(0)) + big(Int32(10_000)) + big(Int64(1)) + big(Int32(16)) + zeros(17)
        let request = big(Int32(1)) + big(Int32(4)) + sized(Int32.self, "/shop/leader") + [0]
        return same(
            "zookeeper", .zookeeper,
            [client(sized(Int32.self, opening)), server(sized(Int32.self, opened))],
            client(sized(Int32.self, request)),
            server(sized(Int32.self, big(Int32(1)) + big(Int64(77)) + big(Int32(0)) + zeros(80))))
    }

    private static var foundationdb: ParserCase {
        func little(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        func packet(_ type: UInt32) -> [UInt8] {
            little(60) + [UInt8](repeating: 0xCD, count: 8) + [UInt8](repeating: 0xAB, count: 16) + little(0)
                + little(type) + [UInt8](repeating: 1, count: 36)
        }
        let greeting: [UInt8] = [44, 0, 0, 0, 0, 0, 0, 0x71, 0xB0, 0, 0xDB, 0x1F] + zeros(36)
        return same(
            "foundationdb", .foundationdb, [client(greeting), server(greeting)], client(packet(8_454_530)),
            server(packet(2 << 24 | 1_378_929)))
    }
}
