import TestSupport
import Testing

@testable import Protocols

@Suite struct DNSTests {
    private static func name(_ text: String) -> [UInt8] {
        text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    private static func big(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)] }

    private static func message(
        _ id: Int, flags: Int, counts: [Int], _ question: [UInt8], _ records: [UInt8] = []
    ) -> [UInt8] {
        big(id) + big(flags) + counts.flatMap(big) + question + records
    }

    private static func query(_ id: Int, _ text: String, type: Int = 1, edns: Bool = false) -> [UInt8] {
        let options: [UInt8] = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
        return message(
            id, flags: 0x0120, counts: [1, 0, 0, edns ? 1 : 0], name(text) + big(type) + big(1), edns ? options : [])
    }

    /// A record whose name is a pointer to the question.
    private static func record(_ type: Int, _ data: [UInt8], owner: [UInt8] = [0xC0, 12]) -> [UInt8] {
        owner + big(type) + big(1) + [0, 0, 1, 0] + big(data.count) + data
    }

    private static func answer(
        _ id: Int, _ text: String, type: Int = 1, code: Int = 0, _ records: [[UInt8]] = []
    ) -> [UInt8] {
        message(
            id, flags: 0x8180 | code, counts: [1, records.count, 0, 0], name(text) + big(type) + big(1),
            records.flatMap { $0 })
    }

    private static func framed(_ message: [UInt8]) -> [UInt8] { big(message.count) + message }

    private static func isDNS(_ bytes: [UInt8], length: Int? = nil) -> Bool {
        bytes.withUnsafeBytes { DNSDatagrams.isDNS(RawSpan(_unsafeBytes: $0), length: length) }
    }

    /// Datagrams of several sockets, a microsecond apart.
    private final class Wire {
        var datagrams: DNSDatagrams
        let log = ExchangeLog()
        private var time: UInt64 = 1_000_000

        init(limit: Int = 100) { datagrams = DNSDatagrams(options: ParsingOptions(), limit: limit) }

        func send(_ bytes: [UInt8], socket: UInt64 = 1, from side: Side, tail: Int = 0) {
            time += 1000
            bytes.withUnsafeBytes {
                datagrams.take(
                    RawSpan(_unsafeBytes: $0), tail: tail, socket: socket, from: side, at: time, log)
            }
        }
    }

    private func addresses(_ text: RequestText) -> [[UInt8]] {
        (0..<text.count).map { text[$0] }.filter { $0.kind == .address }.map { text.withBytes($0) { Array($0) } }
    }

    @Test func `a query and its answer, by socket and id`() {
        let wire = Wire()
        wire.send(Self.query(7, "www.Example.com", edns: true), socket: 1, from: .client)
        wire.send(Self.query(7, "other.example.com", type: 28), socket: 2, from: .client)
        wire.send(Self.query(8, "a.example.com"), socket: 1, from: .client)
        let chain = [
            Self.record(5, Self.name("b.example.com")),
            Self.record(1, [192, 0, 2, 1], owner: Self.name("b.example.com")),
            Self.record(1, [192, 0, 2, 2], owner: [0xC0, 45]), Self.record(28, [UInt8](repeating: 9, count: 16)),
            Self.record(1, [1, 2, 3]),
        ]
        wire.send(Self.answer(7, "www.Example.com", chain), socket: 1, from: .server)
        wire.send(Self.answer(7, "www.Example.com", chain), socket: 1, from: .server)
        wire.send(Self.answer(7, "other.example.com", type: 28), socket: 2, from: .server)
        wire.send(Self.answer(8, "a.example.com", code: 3), socket: 3, from: .server)
        wire.send(Self.answer(8, "a.example.com", code: 3), socket: 1, from: .server)
        #expect(wire.log.statuses == [.dns(0), .dns(0), .dns(3)])
        let texts = wire.log.entries.map(\.text)
        #expect(texts.map { $0.string(.operation) } == ["TypeA", "TypeAAAA", "TypeA"])
        #expect(texts.map { $0.string(.target) } == ["www.Example.com", "other.example.com", "a.example.com"])
        #expect(addresses(texts[0]) == [[192, 0, 2, 1], [192, 0, 2, 2], [UInt8](repeating: 9, count: 16)])
        #expect(addresses(texts[1]).isEmpty)
        #expect(wire.log.entries.map(\.exchange.duration) == [3000, 4000, 5000])
        #expect(wire.datagrams.count == 0)
    }

    @Test(arguments: [
        (1, "TypeA"), (2, "TypeNS"), (5, "TypeCNAME"), (6, "TypeSOA"), (11, "TypeWKS"), (12, "TypePTR"),
        (13, "TypeHINFO"), (14, "TypeMINFO"), (15, "TypeMX"), (16, "TypeTXT"), (28, "TypeAAAA"), (33, "TypeSRV"),
        (41, "TypeOPT"), (252, "TypeAXFR"), (255, "TypeALL"), (3, "3"), (65, "65"), (257, "257"), (65535, "65535"),
    ])
    func `names of types`(_ type: Int, _ text: String) {
        let wire = Wire()
        wire.send(Self.query(1, "a", type: type), from: .client)
        wire.send(Self.answer(1, "a", type: type, code: 5), from: .server)
        #expect(wire.log.statuses == [.dns(5)])
        #expect(wire.log.entries.first?.text.string(.operation) == text)
    }

    @Test func `the root, and an answer without a question`() {
        let wire = Wire()
        wire.send(Self.query(1, "", type: 2), from: .client)
        wire.send(Self.message(1, flags: 0x8001, counts: [0, 0, 0, 0], []), from: .server)
        #expect(wire.log.statuses == [.dns(1)])
        #expect(wire.log.entries.first?.text.string(.target) == ".")
    }

    @Test func `a query that is sent again is one, another with its id is another`() {
        let wire = Wire()
        wire.send(Self.query(1, "a"), from: .client)
        wire.send(Self.query(1, "a"), from: .client)
        wire.send(Self.answer(1, "a"), from: .server)
        wire.send(Self.query(1, "b"), from: .client)
        wire.send(Self.query(1, "c", type: 28), from: .client)
        wire.send(Self.answer(1, "b"), from: .server)
        wire.send(Self.answer(1, "c", type: 28), from: .server)
        #expect(wire.log.statuses == [.dns(0), .unanswered, .dns(0)])
        #expect(wire.log.entries[0].exchange.duration == 2000)
        #expect(wire.log.entries.map { $0.text.string(.target) } == ["a", "b", "c"])
    }

    @Test func `no more wait than the limit, the oldest leave first`() {
        let wire = Wire(limit: 10)
        for id in 0..<30 { wire.send(Self.query(id, "n\(id)"), from: .client) }
        #expect(wire.datagrams.count == 10 && wire.log.entries.count == 20)
        wire.send(Self.answer(25, "n25"), from: .server)
        wire.datagrams.giveUp(before: 1_000_000 + 24 * 1000, at: 5_000_000, wire.log)
        #expect(wire.datagrams.count == 6)
        wire.datagrams.giveUp(before: .max, at: 5_000_000, wire.log)
        #expect(wire.datagrams.count == 0)
        let order = (0..<20).map { "n\($0)" } + ["n25"] + (20..<25).map { "n\($0)" } + (26..<30).map { "n\($0)" }
        #expect(wire.log.entries.map { $0.text.string(.target) } == order)
        wire.send(Self.query(1, "again"), from: .client)
        wire.send(Self.answer(1, "again"), from: .server)
        #expect(wire.log.statuses.last == .dns(0))
    }

    @Test func `what is DNS and what is not`() {
        let query = Self.query(1, "www.example.com")
        #expect(Self.isDNS(query) && Self.isDNS(Self.query(1, "a", edns: true)))
        #expect(Self.isDNS(Self.answer(1, "a", [Self.record(1, [1, 2, 3, 4])])))
        // Flags that no query has, another number of questions, another class, bytes behind the end.
        for (offset, value) in [(2, 0x08), (2, 0x04), (2, 0x02), (3, 0x80), (3, 0x40), (3, 0x03)] {
            var changed = query
            changed[offset] |= UInt8(value)
            #expect(!Self.isDNS(changed), "\(offset) \(value)")
        }
        for (offset, value) in [(5, 0), (5, 2), (7, 1), (12, 200), (query.count - 1, 9), (query.count - 3, 0)] {
            var changed = query
            changed[offset] = UInt8(value)
            #expect(!Self.isDNS(changed), "\(offset) \(value)")
        }
        #expect(!Self.isDNS(query + [0]) && !Self.isDNS(Array(query.dropLast())) && !Self.isDNS([]))
        // An answer with more records than there is room for.
        var answer = Self.answer(1, "a")
        answer[7] = 1
        #expect(!Self.isDNS(answer) && Self.isDNS(answer, length: answer.count + 16))
    }

    private static let dialogue: [(side: Side, bytes: [UInt8])] = [
        (
            .client,
            framed(query(1, "one.example.com")) + framed(query(2, "two.example.com", type: 16, edns: true))
                + framed(query(3, "three.example.com"))
        ),
        (
            .server,
            framed(answer(3, "three.example.com", [record(1, [192, 0, 2, 3])]))
                + framed(answer(1, "one.example.com", code: 2))
                + framed(answer(2, "two.example.com", type: 16, [record(16, [UInt8](repeating: 3, count: 300))]))
        ),
        (.client, framed(query(1, "four.example.com"))),
        (.server, framed(answer(1, "four.example.com"))),
    ]

    @Test func `over TCP, however it is cut`() {
        let (outcome, difference) = Cuts(turns: Self.dialogue).play(as: .dns)
        #expect(difference == nil)
        #expect(
            outcome.map { $0.split(separator: ",address").first.map(String.init) } == [
                "dns(0) 1000-2000 operation=TypeA,target=three.example.com",
                "dns(2) 1000-2000 operation=TypeA,target=one.example.com",
                "dns(0) 1000-2000 operation=TypeTXT,target=two.example.com",
                "dns(0) 3000-4000 operation=TypeA,target=four.example.com",
            ])
        #expect(Cuts(turns: Self.dialogue).play().difference == nil)
    }

    @Test func `over TCP with answers that were not captured as a whole`() {
        var dialogue = Dialogue()
        for id in 1...3 {
            dialogue.client(Self.framed(Self.query(id, "long.example.com", type: 16)))
            let records = (0..<10).map { _ in Self.record(16, [UInt8](repeating: 3, count: 300)) }
            let answer = Self.framed(Self.answer(id, "long.example.com", type: 16, records))
            dialogue.server(Array(answer[..<1024]), tail: answer.count - 1024)
        }
        #expect(dialogue.conversation.verdict == .known(.dns))
        #expect(dialogue.log.statuses == [.dns(0), .dns(0), .dns(0)])
        dialogue.client(Self.framed(Self.query(9, "lost.example.com")))
        dialogue.server(Array(Self.framed(Self.answer(9, "lost.example.com"))[5...]), missing: 5)
        dialogue.client(Self.framed(Self.query(10, "a.example.com")))
        dialogue.server(Self.framed(Self.answer(10, "a.example.com")))
        #expect(dialogue.log.statuses.count == 4)
        dialogue.conversation.giveUp(before: .max, at: 1 << 40, dialogue.log)
        #expect(dialogue.log.statuses.last == .unanswered)
    }

    @Test func `names that lead to themselves, or nowhere`() {
        let question = Self.name("a") + Self.big(1) + Self.big(1)
        for records in [
            [UInt8](repeating: 0xC0, count: 400), [0xC0, 15, 0, 1, 0, 1, 0, 0, 0, 0, 0xFF, 0xFF, 1, 2, 3, 4],
            [UInt8](repeating: 63, count: 400), [UInt8](repeating: 0x80, count: 400),
        ] {
            let wire = Wire()
            wire.send(Self.query(1, "a"), from: .client)
            wire.send(Self.message(1, flags: 0x8180, counts: [1, 1, 0, 0], question, records), from: .server)
            #expect(wire.log.statuses == [.dns(0)])
            #expect(wire.log.entries.first.map { addresses($0.text) } == [])
        }
        // A million answers, of which the text has room for some.
        let wire = Wire()
        wire.send(Self.query(1, "a"), from: .client)
        let many = (0..<3000).map { _ in Self.record(1, [1, 2, 3, 4]) }
        wire.send(Self.answer(1, "a", many), from: .server)
        #expect(wire.log.entries.first.map { addresses($0.text).count } == RequestText.maximumEntries - 2)
        #expect(!Self.isDNS(Self.query(1, String(repeating: "abcdefg.", count: 40))))
    }

    @Test func `noise is not DNS`() {
        var generator = SeededGenerator(53)
        var found = 0
        for _ in 0..<20_000 {
            let noise = (0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) }
            if Self.isDNS(noise) { found += 1 }
        }
        #expect(found == 0)
    }
}
