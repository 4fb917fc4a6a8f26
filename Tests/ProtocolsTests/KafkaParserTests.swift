import TestSupport
import Testing

@testable import Protocols

@Suite struct KafkaParserTests {
    /// A request with header version 1, or 2 if `tags` are given.
    private func request(
        _ key: Int16, _ version: Int16, _ id: Int32, client: String? = "rdkafka", flexible: Bool = false,
        _ body: (inout MessageBuilder) -> Void = { _ in }
    ) -> [UInt8] {
        MessageBuilder.build {
            $0.add(sized: Int32.self) {
                $0.add(key)
                $0.add(version)
                $0.add(id)
                if let client { $0.add(client, length: Int16.self) } else { $0.add(Int16(-1)) }
                if flexible { $0.add(UInt8(0)) }
                body(&$0)
            }
        }
    }

    private func answer(_ id: Int32, _ body: (inout MessageBuilder) -> Void) -> [UInt8] {
        MessageBuilder.build {
            $0.add(sized: Int32.self) {
                $0.add(id)
                body(&$0)
            }
        }
    }

    private func produce(_ id: Int32, acknowledgements: Int16, topic: String = "orders", payload: Int = 10) -> [UInt8] {
        request(0, 7, id) {
            $0.add(Int16(-1))
            $0.add(acknowledgements)
            $0.add(Int32(1000))
            $0.add(Int32(1))
            $0.add(topic, length: Int16.self)
            $0.add(Int32(1))
            $0.add(Int32(0))
            $0.add(Int32(payload))
            $0.add(raw: [UInt8](repeating: 0xFF, count: payload))
        }
    }

    private func produced(_ id: Int32, errors: [Int16]) -> [UInt8] {
        answer(id) {
            $0.add(Int32(1))
            $0.add("orders", length: Int16.self)
            $0.add(Int32(errors.count))
            for (index, error) in errors.enumerated() {
                $0.add(Int32(index))
                $0.add(error)
                $0.add(raw: [UInt8](repeating: 0, count: 24))
            }
            $0.add(Int32(0))
        }
    }

    @Test func `a produce request is good if none of its partitions has an error`() {
        var dialogue = Dialogue()
        for (id, errors) in [(1, [0, 0]), (2, [0, 7]), (3, [])] as [(Int32, [Int16])] {
            dialogue.client(produce(id, acknowledgements: -1))
            dialogue.server(produced(id, errors: errors))
        }
        #expect(dialogue.conversation.verdict == .known(.kafka))
        #expect(dialogue.log.statuses == [.ok, .failed, .ok])
        let text = dialogue.log.entries[0].text
        #expect(text.string(.operation) == "Produce" && text.string(.target) == "orders")
        #expect(dialogue.log.entries[0].exchange.duration == 1000)
    }

    @Test func `what is produced without acknowledgement counts at once`() {
        var dialogue = Dialogue(wantsText: false)
        for id in 1...3 { dialogue.client(produce(Int32(id), acknowledgements: 0)) }
        #expect(dialogue.log.statuses == [.ok, .ok, .ok] && !dialogue.conversation.isWaiting)
    }

    @Test func `answers are matched by correlation id, several in one segment`() {
        var dialogue = Dialogue()
        dialogue.client((1...40).flatMap { produce($0, acknowledgements: 1) })
        dialogue.server((1...40).flatMap { produced($0, errors: [$0 == 7 ? 2 : 0]) })
        #expect(dialogue.log.statuses == (1...40).map { $0 == 7 ? .failed : .ok })
    }

    @Test func `every cut gives the same`() {
        let client =
            request(18, 3, 0, flexible: true) { $0.add(raw: [5, 116, 101, 115, 116, 2, 49, 0]) }
            + produce(1, acknowledgements: 1)
        let server =
            answer(0) {
                $0.add(Int16(0))
                $0.add(UInt8(1))
                $0.add(Int32(0))
                $0.add(UInt8(0))
            } + produced(1, errors: [5])
        for cut in 1..<client.count {
            var dialogue = Dialogue()
            dialogue.client(Array(client[..<cut]))
            dialogue.client(Array(client[cut...]))
            let middle = min(cut, server.count - 1)
            dialogue.server(Array(server[..<middle]))
            dialogue.server(Array(server[middle...]))
            #expect(dialogue.log.statuses == [.ok, .failed])
            #expect(dialogue.log.entries.last?.text.string(.target) == "orders")
        }
    }

    @Test func `a large message of which only the beginning was captured`() {
        var dialogue = Dialogue()
        let large = produce(1, acknowledgements: 1, payload: 50_000)
        dialogue.client(Array(large[..<1024]), tail: large.count - 1024)
        dialogue.client(produce(2, acknowledgements: 1))
        dialogue.server(produced(1, errors: [0]) + produced(2, errors: [0]))
        #expect(dialogue.log.statuses == [.ok, .ok])
    }

    @Test func `after a gap the next sure beginning counts`() {
        var dialogue = Dialogue()
        dialogue.client(produce(1, acknowledgements: 1))
        dialogue.client(produce(2, acknowledgements: 1))
        dialogue.server(produced(1, errors: [0]))
        dialogue.client([1, 2, 3, 4, 5], missing: 5000)
        dialogue.client(produce(4, acknowledgements: 1))
        dialogue.server(produced(4, errors: [3]), missing: 777)
        // The second was answered while nobody saw it.
        #expect(dialogue.log.statuses == [.ok, .unknown, .failed])
        #expect(dialogue.log.entries[1].exchange.duration == 0)
    }

    @Test func `errors of other requests`() {
        /// Key, version, whether it is flexible, the answer's body.
        let cases: [(Int16, Int16, Bool, ExchangeStatus, [UInt8])] = [
            // Heartbeat: throttling, error.
            (12, 3, false, .failed, [0, 0, 0, 0, 0, 27]), (12, 4, true, .ok, [0, 0, 0, 0, 0, 0, 0, 0]),
            // FindCoordinator 4: an array.
            (10, 4, true, .failed, [0, 0, 0, 0, 0, 2, 2, 103, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 15, 0, 0, 0]),
            // Metadata 1: one broker, the first topic.
            (
                3, 1, false, .failed,
                [0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 104, 0, 0, 1, 1, 0xFF, 0xFF, 0, 0, 0, 1, 0, 0, 0, 1, 0, 3]
            ),
            // Fetch 11 with an error of the session.
            (1, 11, false, .failed, [0, 0, 0, 0, 0, 70, 0, 0, 0, 0, 0, 0, 0, 0]),
            (1, 11, false, .ok, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            // OffsetFetch 1: the error is after the offset and the metadata.
            (
                9, 1, false, .failed,
                [0, 0, 0, 1, 0, 1, 116, 0, 0, 0, 1, 0, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 10) + [0, 3]
            ),
            // CreateTopics 5 and DeleteTopics 1.
            (19, 5, true, .failed, [0, 0, 0, 0, 0, 2, 2, 116, 0, 36]), (20, 1, false, .ok, [0, 0, 0, 0, 0, 0, 0, 0]),
            // A version, or an API, that is not known; an answer that is cut.
            (12, 9, false, .unknown, [0, 0, 0, 0, 0, 27]), (95, 0, false, .unknown, [0, 0]),
            (12, 3, false, .unknown, [0, 0]),
        ]
        for (index, (key, version, isFlexible, status, body)) in cases.enumerated() {
            var dialogue = Dialogue(.kafka)
            dialogue.client(request(key, version, Int32(index), flexible: isFlexible))
            dialogue.server(answer(Int32(index)) { $0.add(raw: body) })
            #expect(dialogue.log.statuses == [status], "case \(index)")
        }
    }

    @Test func `the topic of a request`() {
        var dialogue = Dialogue()
        dialogue.client(
            request(1, 11, 1) {
                $0.add(raw: [UInt8](repeating: 0xFF, count: 4) + [UInt8](repeating: 0, count: 21))
                $0.add(Int32(1))
                $0.add("t1", length: Int16.self)
            })
        dialogue.client(request(3, 9, 2, flexible: true) { $0.add(raw: [2, 3, 116, 50, 0, 1, 0, 0, 0]) })
        dialogue.client(request(11, 5, 3) { $0.add("group", length: Int16.self) })
        for id in 1...3 as ClosedRange<Int32> {
            dialogue.server(answer(id) { $0.add(raw: [UInt8](repeating: 0, count: 40)) })
        }
        let texts = dialogue.log.entries.map { [$0.text.string(.operation), $0.text.string(.target)] }
        #expect(texts == [["Fetch", "t1"], ["Metadata", "t2"], ["JoinGroup", nil]])
    }

    @Test func `what never gets an answer is told`() {
        var dialogue = Dialogue()
        dialogue.client(produce(1, acknowledgements: 1))
        dialogue.conversation.giveUp(before: .max, at: 1_000_000_000, dialogue.log)
        #expect(dialogue.log.statuses == [.unanswered])
    }

    @Test func `noise and other protocols are not taken for it`() {
        #expect(Noise.exchanges(of: .kafka) == 0)
    }
}
