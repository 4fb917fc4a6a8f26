import TestSupport
import Testing

@testable import Protocols

/// What recordings do not have: payloads built by the protocols' specifications, gaps, limits.
@Suite struct DatabaseParserTests {
    // MARK: Cassandra

    private static func envelope(
        _ version: UInt8, _ stream: UInt16, _ opcode: UInt8, _ body: (inout MessageBuilder) -> Void
    ) -> [UInt8] {
        MessageBuilder.build {
            $0.add(version)
            $0.add(UInt8(0))
            $0.add(stream)
            $0.add(opcode)
            $0.add(sized: UInt32.self, body)
        }
    }

    private static func crc24(_ bytes: [UInt8]) -> UInt32 {
        var value: UInt32 = 0x87_5060
        for byte in bytes {
            value ^= UInt32(byte) << 16
            for _ in 0..<8 { value = value & 0x80_0000 != 0 ? value << 1 ^ 0x197_4F0B : value << 1 }
        }
        return value & 0xFF_FFFF
    }

    private static func little(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    /// A frame of v5; `unpacked`: with the header of a compressed connection, of which size it is, 0 if it is not packed.
    private static func frame(_ payload: [UInt8], unpacked: Int? = nil) -> [UInt8] {
        let header =
            unpacked.map { little(UInt64(payload.count) | UInt64($0) << 17 | 1 << 34, 5) }
            ?? little(UInt64(payload.count) | 1 << 17, 3)
        return header + little(UInt64(crc24(header)), 3) + payload + [1, 2, 3, 4]
    }

    private static func query(_ version: UInt8, _ stream: UInt16, _ text: String) -> [UInt8] {
        envelope(version, stream, 7) {
            $0.add(text, length: UInt32.self)
            $0.add(UInt16(1))
        }
    }

    private static func result(_ version: UInt8, _ stream: UInt16) -> [UInt8] {
        envelope(version | 0x80, stream, 8) { $0.add(UInt32(1)) }
    }

    private static func error(_ version: UInt8, _ stream: UInt16) -> [UInt8] {
        envelope(version | 0x80, stream, 0) {
            $0.add(UInt32(0x2200))
            $0.add("no such table", length: UInt16.self)
        }
    }

    private static func lines(_ dialogue: Dialogue) -> [String] { dialogue.log.entries.map(Recording.line) }

    @Test(arguments: [3, 4, 5] as [UInt8]) func `Cassandra, answers in another order`(_ version: UInt8) {
        for expected in [nil, ApplicationProtocol.cassandra] {
            var dialogue = Dialogue(expected)
            dialogue.client(Self.query(version, 1, "SELECT a") + Self.query(version, 2, "SELECT b"))
            dialogue.server(Self.error(version, 2))
            dialogue.server(Self.result(version, 1))
            #expect(Self.lines(dialogue) == ["failed query SELECT b", "ok query SELECT a"])
            #expect(dialogue.log.entries.first?.text.string(.error) == "no such table")
            #expect(dialogue.conversation.verdict == .known(.cassandra))
        }
    }

    @Test func `Cassandra, prepared statements and batches`() {
        var dialogue = Dialogue(.cassandra)
        dialogue.client(Self.envelope(4, 1, 9) { $0.add("INSERT ?", length: UInt32.self) })
        dialogue.server(
            Self.envelope(0x84, 1, 8) {
                $0.add(UInt32(4))
                $0.add("id", length: UInt16.self)
            })
        dialogue.client(Self.envelope(4, 1, 10) { $0.add("id", length: UInt16.self) })
        dialogue.server(Self.result(4, 1))
        dialogue.client(Self.envelope(4, 1, 10) { $0.add("xy", length: UInt16.self) })
        dialogue.server(Self.result(4, 1))
        dialogue.client(
            Self.envelope(4, 1, 13) {
                $0.add(raw: [0, 0, 2, 0])
                $0.add("UPDATE 1", length: UInt32.self)
            })
        dialogue.server(Self.result(4, 1))
        #expect(
            Self.lines(dialogue) == [
                "ok query INSERT ?", "ok query EXECUTE 7879 /* unknown */", "ok query UPDATE 1",
            ])
    }

    @Test func `Cassandra v5, frames`() {
        // A literal of 15 + n bytes each, no match: the simplest block of LZ4.
        func packed(_ bytes: [UInt8]) -> [UInt8] { [0xF0, UInt8(bytes.count - 15)] + bytes }
        let (asked, answered) = (Self.query(5, 1, "SELECT a long one"), Self.error(5, 1))
        for (request, answer) in [
            (Self.frame(asked), Self.frame(answered)),
            (Self.frame(asked, unpacked: 0), Self.frame(answered, unpacked: 0)),
            (
                Self.frame(packed(asked), unpacked: asked.count),
                Self.frame(packed(answered), unpacked: answered.count)
            ),
        ] {
            for cut in 0...request.count {
                var dialogue = Dialogue(cut == 0 ? nil : .cassandra)
                if cut > 0 { dialogue.client(Array(request[..<cut])) }
                if cut < request.count { dialogue.client(Array(request[cut...])) }
                dialogue.server(answer)
                #expect(Self.lines(dialogue) == ["failed query SELECT a long one"])
            }
        }
    }

    /// However the frame is cut: an envelope is found wherever it begins in it.
    @Test(arguments: [200, 1400, 16_384, 100_000]) func `Cassandra v5, many envelopes in a frame`(_ size: Int) {
        var dialogue = Dialogue(.cassandra)
        func segments(_ bytes: [UInt8]) -> [[UInt8]] {
            stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
        }
        for _ in 0..<3 {
            let asked = (0..<50 as Range<UInt16>).flatMap { Self.query(5, $0, "SELECT \($0)") }
            for segment in segments(Self.frame(asked)) { dialogue.client(segment) }
            let answered = (0..<50 as Range<UInt16>).flatMap { stream in
                stream % 5 == 0
                    ? Self.error(5, stream)
                    : Self.envelope(0x85, stream, 8) { $0.add(raw: [UInt8](repeating: 9, count: Int(stream) * 97)) }
            }
            for segment in segments(Self.frame(answered)) { dialogue.server(segment) }
        }
        #expect(dialogue.log.statuses.count { $0 == .failed } == 30 && dialogue.log.statuses.count == 150)
        #expect(dialogue.log.statuses.count { $0 == .ok } == 120)
    }

    // MARK: PostgreSQL

    private static func message(_ type: Character, _ body: [UInt8]) -> [UInt8] {
        MessageBuilder.build {
            $0.add(text: String(type))
            $0.add(UInt32(body.count + 4))
            $0.add(raw: body)
        }
    }

    private static let ready = message("Z", [UInt8(ascii: "I")])
    private static func completed(_ tag: String = "SELECT 1") -> [UInt8] { message("C", Array(tag.utf8) + [0]) }
    private static func query(_ text: String) -> [UInt8] { message("Q", Array(text.utf8) + [0]) }
    private static func bind(_ name: String) -> [UInt8] {
        message("B", [0] + Array(name.utf8) + [0, 0, 0, 0, 0, 0, 0])
    }
    private static let execute = message("E", [0, 0, 0, 0, 0])
    private static let sync = message("S", [])

    @Test func `PostgreSQL, a statement that was prepared before anyone watched`() {
        var dialogue = Dialogue()
        dialogue.client(Self.bind("s1") + Self.execute + Self.sync)
        dialogue.server(Self.message("2", []) + Self.completed() + Self.ready)
        #expect(Self.lines(dialogue) == ["ok query EXECUTE s1 /* unknown */"])
        dialogue.client(Self.message("P", Array("s2\0SELECT $1\0".utf8) + [0, 0]) + Self.sync)
        dialogue.server(Self.message("1", []) + Self.ready)
        dialogue.client(Self.bind("s2") + Self.execute + Self.sync)
        dialogue.server(Self.message("2", []) + Self.completed() + Self.ready)
        dialogue.client(Self.message("C", Array("Ss2\0".utf8)) + Self.sync)
        dialogue.server(Self.message("3", []) + Self.ready)
        dialogue.client(Self.bind("s2") + Self.execute + Self.sync)
        dialogue.server(Self.message("2", []) + Self.completed() + Self.ready)
        #expect(
            Self.lines(dialogue).dropFirst() == [
                "ok query PREPARE s2 AS SELECT $1", "ok query SELECT $1", "ok query EXECUTE s2 /* unknown */",
            ])
    }

    @Test func `PostgreSQL, an error after rows, and one in several statements`() {
        var dialogue = Dialogue()
        let failure = Self.message("E", Array("SERROR\0C22012\0Mdivision by zero\0\0".utf8))
        dialogue.client(Self.query("select 1/a from t"))
        dialogue.server(Self.message("T", [0, 0]))
        dialogue.server(Self.message("D", [0, 0]) + failure + Self.ready)
        dialogue.client(Self.query("select 1; select 1/0"))
        dialogue.server(Self.completed() + failure + Self.ready)
        dialogue.client(Self.query("select 2"))
        dialogue.server(Self.completed() + Self.ready)
        #expect(dialogue.log.statuses == [.failed, .failed, .ok])
        #expect(dialogue.log.entries[0].text.string(.error) == "division by zero")
        // The end is the answer's first byte.
        #expect(dialogue.log.entries[0].exchange.duration == 1000)
    }

    @Test func `PostgreSQL, the ends of long answers`() {
        var dialogue = Dialogue(.postgres)
        let row = Self.message("D", [0, 1, 0, 0, 0, 2, 67, 69])
        let rows = Self.message("T", [0, 0]) + (0..<300).flatMap { _ in row }
        let failure = Self.message("E", Array("SERROR\0C22012\0Mdivision by zero\0\0".utf8))
        let text = String(repeating: "x", count: 300)
        let long = Self.message("E", Array("SERROR\0C22012\0M\(text)\0\0".utf8))
        for end in [Self.completed(), failure, long, Self.completed() + Self.message("N", [0])] {
            dialogue.client(Self.query("select a"))
            dialogue.serverEnds(rows + end + Self.ready)
        }
        #expect(dialogue.log.statuses == [.ok, .failed, .unknown, .ok])
        #expect(dialogue.log.entries[1].text.string(.error) == "division by zero")
        #expect(dialogue.log.entries.allSatisfy { $0.exchange.duration == 1000 })
        // The end in a segment of its own, and cut.
        for end in [Self.completed() + Self.ready, failure + Self.ready] {
            for cut in [0, 3, 9, end.count - 3] {
                dialogue.client(Self.query("select b"))
                dialogue.serverEnds(rows + end[..<cut])
                dialogue.server(Array(end[cut...]))
            }
        }
        #expect(dialogue.log.statuses.suffix(8) == [.ok, .ok, .ok, .ok, .failed, .failed, .failed, .failed])
    }

    @Test func `PostgreSQL, long statements and long values`() {
        var dialogue = Dialogue(.postgres)
        let long = "SELECT '" + String(repeating: "x", count: 5000) + "'"
        let bytes = Self.query(long)
        dialogue.client(Array(bytes[..<1024]), tail: bytes.count - 1024)
        dialogue.server(Self.completed() + Self.ready)
        // An Execute that is behind what is captured of the Bind before it.
        let batch =
            Self.message("P", Array("\0INSERT\0".utf8) + [0, 0])
            + Self.message(
                "B",
                [0, 0, 0, 0, 0, 1] + MessageBuilder.build { $0.add(UInt32(3000)) }
                    + [UInt8](repeating: 7, count: 3002)) + Self.execute + Self.sync
        dialogue.client(Array(batch[..<1024]), tail: batch.count - 1024)
        dialogue.server(Self.message("1", []) + Self.message("2", []) + Self.completed("INSERT 0 1") + Self.ready)
        dialogue.client(Self.query("select 3"))
        dialogue.server(Self.completed() + Self.ready)
        #expect(dialogue.log.statuses == [.ok, .ok, .ok])
        let text = dialogue.log.entries[0].text.string(.statement)
        #expect(text?.hasPrefix("SELECT 'xxx") == true && text?.hasSuffix("x...") == true)
        #expect(text?.utf8.count ?? 0 <= 1027)
        #expect(dialogue.log.entries[1].text.string(.statement) == "INSERT")
    }

    @Test func `PostgreSQL, TLS ends it`() {
        var dialogue = Dialogue()
        dialogue.client([0, 0, 0, 8, 4, 210, 22, 47])
        dialogue.server("S")
        dialogue.client([22, 3, 1, 0, 5, 1, 2, 3, 4, 5])
        #expect(dialogue.conversation.verdict == .none && dialogue.log.entries.isEmpty)
    }

    @Test func `answers that nobody captured`() {
        var dialogue = Dialogue(.postgres)
        dialogue.client(Self.query("select large"))
        dialogue.server(Self.message("T", [0, 0]) + Self.message("D", [0, 0]), tail: 60_000)
        dialogue.server([1, 2, 3], tail: 30_000)
        dialogue.client(Self.query("select unseen"))
        dialogue.server([], missing: 500)
        dialogue.server([9], missing: 100)
        dialogue.client(Self.query("select small"))
        dialogue.server(Self.completed() + Self.ready)
        // The first may have failed after its rows.
        #expect(dialogue.log.statuses == [.unknown, .unknown, .ok])
    }

    @Test func `PostgreSQL, an answer whose middle was lost`() {
        let row = Self.message("D", [0, 1, 0, 0, 0, 2, 67, 69])
        let rows = Self.message("T", [0, 0]) + (0..<300).flatMap { _ in row }
        let failure = Self.message("E", Array("SERROR\0C22012\0Mdivision by zero\0\0".utf8))
        for (end, status) in [(Self.completed(), ExchangeStatus.ok), (failure, .failed)] {
            var dialogue = Dialogue(.postgres)
            dialogue.client(Self.query("select a"))
            dialogue.server(rows)
            // The gap ends in the middle of a row.
            dialogue.server(Array((rows + end + Self.ready)[7...]), missing: 50_000)
            dialogue.client(Self.query("select b"))
            dialogue.server(rows)
            // The end is missing too; the client has it, or would not go on.
            dialogue.server(Array(rows[7...]), missing: 50_000)
            dialogue.client(Self.message("X", []))
            #expect(dialogue.log.statuses == [status, .unknown])
            // Of the first nothing was lost that is counted.
            #expect(dialogue.conversation.gaps == 1)
        }
    }

    @Test func `a million statements take no more memory than a few`() {
        var cache = StatementCache(textLimit: 1024)
        for number in 0..<200_000 {
            let (name, text) = (Array("s\(number)".utf8), Array("select \(number)".utf8))
            name.withUnsafeBytes { name in
                text.withUnsafeBytes { text in
                    cache.set(RawSpan(_unsafeBytes: name), RawSpan(_unsafeBytes: text), isCut: false)
                }
            }
        }
        #expect(cache.count == 128)
        var found = ""
        let isKnown = Array("s199999".utf8).withUnsafeBytes { name in
            cache.with(RawSpan(_unsafeBytes: name)) {
                found = $0.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            }
        }
        #expect(isKnown && found == "select 199999")
        var dialogue = Dialogue(.postgres)
        for number in 0..<20_000 {
            dialogue.client(
                Self.message("P", Array("s\(number)\0select \(number)\0".utf8) + [0, 0]) + Self.bind("s\(number)")
                    + Self.execute + Self.sync)
        }
        // Nobody answers: what waits is bounded, and all of it is told in the end.
        dialogue.conversation.giveUp(before: .max, at: .max, dialogue.log)
        #expect(dialogue.log.entries.count == 20_000)
        #expect(dialogue.log.entries.filter { !$0.text.isEmpty }.count == 1024)
    }

    // MARK: MySQL

    private static func packet(_ sequence: UInt8, _ body: [UInt8]) -> [UInt8] {
        little(UInt64(body.count), 3) + [sequence] + body
    }

    private static let mysqlOK = packet(1, [0, 0, 0, 2, 0, 0, 0])

    @Test func `MySQL, results with and without a packet between columns and rows`() {
        let column = [3] + Array("def".utf8) + [0, 0, 0, 1, 97, 0, 12, 63, 0, 1, 0, 0, 0, 8, 129, 0, 0, 0, 0]
        for isOld in [true, false] {
            var dialogue = Dialogue(.mysql)
            for more in [0x8, 0] as [UInt8] {
                if more != 0 { dialogue.client(Self.packet(0, [3] + Array("select 1; select 2".utf8))) }
                let end: [UInt8] = isOld ? [0xFE, 0, 0, more, 0] : [0xFE, 0, 0, more, 0, 0, 0]
                dialogue.server(
                    Self.packet(1, [1]) + Self.packet(2, column)
                        + (isOld ? Self.packet(3, [0xFE, 0, 0, 0, 0]) : []) + Self.packet(4, [1, 49])
                        + Self.packet(5, end))
            }
            dialogue.client(Self.packet(0, [0x0E]))
            dialogue.server(Self.mysqlOK)
            dialogue.client(Self.packet(0, [0x17, 9, 0, 0, 0, 0, 1, 0, 0, 0]))
            dialogue.server(Self.mysqlOK)
            #expect(Self.lines(dialogue) == ["ok query select 1; select 2", "ok query EXECUTE 9 /* unknown */"])
        }
    }

    @Test func `MySQL, the ends of long answers`() {
        let column = [3] + Array("def".utf8) + [0, 0, 0, 1, 97, 0, 12, 63, 0, 1, 0, 0, 0, 8, 129, 0, 0, 0, 0]
        var dialogue = Dialogue(.mysql)
        let rows =
            Self.packet(1, [1]) + Self.packet(2, column) + Self.packet(3, [0xFE, 0, 0, 0, 0])
            + (0..<400).flatMap { Self.packet(UInt8(truncatingIfNeeded: $0), [4, 49, 0xFE, 0xFF, 49]) }
        let failure = [0xFF, 0x25, 0x05] + Array("#70100Query execution was interrupted".utf8)
        for end in [[0xFE, 0, 0, 2, 0], [0xFE, 0, 0, 2, 0, 0, 0], failure] as [[UInt8]] {
            dialogue.client(Self.packet(0, [3] + Array("select a".utf8)))
            dialogue.serverEnds(rows + Self.packet(7, end))
        }
        #expect(dialogue.log.statuses == [.ok, .ok, .failed])
        #expect(dialogue.log.entries[2].text.string(.error) == "Query execution was interrupted")
    }

    // MARK: Redis

    private static func command(_ words: String...) -> [UInt8] {
        Array("*\(words.count)\r\n".utf8) + words.flatMap { Array("$\($0.utf8.count)\r\n\($0)\r\n".utf8) }
    }

    @Test func `Redis, replies that are switched off, attributes and pushes`() {
        var dialogue = Dialogue(.redis)
        dialogue.client(Self.command("CLIENT", "REPLY", "SKIP") + Self.command("SET", "a", "1") + Self.command("PING"))
        dialogue.server("+PONG\r\n")
        dialogue.client(Self.command("CLIENT", "REPLY", "OFF") + Self.command("SET", "b", "1"))
        dialogue.client(Self.command("CLIENT", "REPLY", "ON"))
        dialogue.server("+OK\r\n")
        dialogue.client(Self.command("GET", "c"))
        dialogue.server(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nc\r\n|1\r\n+ttl\r\n:1\r\n%1\r\n+k\r\n*2\r\n_\r\n#t\r\n")
        dialogue.client(Self.command("GET", "d"))
        dialogue.server("!9\r\nERR wrong\r\n")
        #expect(
            dialogue.log.statuses == [.unknown, .unknown, .ok, .unknown, .unknown, .ok, .ok, .failed])
        #expect(dialogue.log.entries.last?.text.string(.error) == "ERR wrong")
    }

    @Test func `Redis, long answers that were not captured`() {
        var dialogue = Dialogue(.redis)
        let long = Array("*3\r\n$9000\r\n".utf8) + [UInt8](repeating: 121, count: 2000)
        for _ in 0..<3 {
            dialogue.client(Self.command("MGET", "a", "b", "c"))
            dialogue.server(Array(long[..<1024]), tail: 17_000)
        }
        dialogue.client(Self.command("GET", "a"))
        dialogue.server("-ERR no\r\n")
        #expect(dialogue.log.statuses == [.ok, .ok, .ok, .failed])
        #expect(dialogue.conversation.gaps == 0)
        // Of two, the second answer is missed.
        dialogue.client(Self.command("MGET", "a") + Self.command("GET", "b"))
        dialogue.server(Array(long[..<1024]), tail: 17_000)
        dialogue.client(Self.command("PING"))
        dialogue.server("+PONG\r\n")
        #expect(dialogue.log.statuses.suffix(3) == [.ok, .unknown, .ok])
        #expect(dialogue.conversation.gaps == 1)
    }

    @Test func `Redis, replication is not read`() {
        var dialogue = Dialogue()
        dialogue.client(Self.command("PSYNC", "?", "-1"))
        dialogue.server("+FULLRESYNC 1 0\r\n$5\r\nREDIS")
        #expect(dialogue.conversation.verdict == .none && dialogue.log.statuses == [.ok])
    }

    // MARK: All

    @Test(arguments: [
        ("*2\r\n$4\r\nLLEN\r\n$4294967296\r\n", ApplicationProtocol.redis), ("*4294967296\r\n", .redis),
        ("*-9223372036854775808\r\n", .redis), ("set a 0 0 4294967296\r\n", .memcached),
        ("set a 0 0 99999999999999999999\r\n", .memcached), ("Q\u{7f}\u{7f}\u{7f}\u{7f}select 1", .postgres),
    ]) func `lengths of 4 GiB`(_ request: String, _ applicationProtocol: ApplicationProtocol) {
        var dialogue = Dialogue(applicationProtocol)
        for _ in 0..<50 {
            dialogue.client(request)
            dialogue.server("$4294967296\r\n")
            dialogue.server("*4294967296\r\n*4294967296\r\n")
        }
        dialogue.conversation.giveUp(before: .max, at: .max, dialogue.log)
        #expect(dialogue.log.entries.count <= 50)
    }

    @Test func `bytes of 255 for every parser`() {
        for applicationProtocol in ApplicationProtocol.allCases {
            var dialogue = Dialogue(applicationProtocol)
            for first in 0...255 as ClosedRange<UInt8> {
                let bytes = [first] + [UInt8](repeating: 0xFF, count: 100)
                dialogue.client(bytes)
                dialogue.server(bytes, tail: .max / 4)
                dialogue.client([], missing: .max / 4)
            }
        }
    }

    @Test func `a broker's frames are no query of ClickHouse`() {
        var dialogue = Dialogue()
        // basic.publish and its headers, in the middle of a connection.
        dialogue.client([1, 0, 1, 0, 0, 0, 13, 0, 60, 0, 40, 0, 0, 0, 4, 116, 101, 115, 116, 0, 0xCE])
        dialogue.server([1, 0, 1, 0, 0, 0, 4, 0, 60, 0, 41, 0xCE])
        #expect(dialogue.conversation.verdict != .known(.clickhouse))
    }
}
