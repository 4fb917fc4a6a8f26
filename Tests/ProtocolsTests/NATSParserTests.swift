import Testing

@testable import Protocols

@Suite struct NATSParserTests {
    private func told(_ log: ExchangeLog) -> [String] {
        log.entries.map { "\($0.exchange.method) \($0.text.string(.target) ?? "")" }
    }

    private let info = "INFO {\"server_id\":\"x\",\"max_payload\":1048576} \r\n"
    private let connect = "CONNECT {\"verbose\":false}\r\n"

    @Test func `messages in both directions, with and without headers`() {
        var dialogue = Dialogue()
        dialogue.server(info)
        dialogue.client(connect + "PING\r\n")
        dialogue.server("PONG\r\n")
        dialogue.client("SUB orders.* 1\r\nPUB orders.new 5\r\nhello\r\nPUB orders.old reply.to 0\r\n\r\n")
        dialogue.client("hpub orders.h 12 15\r\nNATS/1.0\r\n\r\nabc\r\n")
        dialogue.server("+OK\r\nMSG orders.new 1 5\r\nPUB a\r\nHMSG orders.h 1 reply 12 15\r\nNATS/1.0\r\n\r\nabc\r\n")
        #expect(dialogue.conversation.verdict == .known(.nats))
        #expect(
            told(dialogue.log) == [
                "produce orders.new", "produce orders.old", "produce orders.h", "consume orders.new",
                "consume orders.h",
            ])
    }

    @Test func `every cut gives the same`() {
        let client = Array((connect + "PUB a 8\r\nPUB b 1\n\r\nPUB c 0\r\n\r\nSUB x 1\r\n").utf8)
        for cut in 1..<client.count {
            for second in cut..<client.count {
                var dialogue = Dialogue()
                dialogue.client(Array(client[..<cut]))
                dialogue.client(Array(client[cut..<second]))
                dialogue.client(Array(client[second...]))
                #expect(told(dialogue.log) == ["produce a", "produce c"])
            }
        }
    }

    @Test func `an information of any length`() {
        var dialogue = Dialogue()
        dialogue.server("INFO {\"connect_urls\":[\"")
        for _ in 0..<20 { dialogue.server(String(repeating: "a", count: 1000)) }
        dialogue.server("\"]}\r\nMSG a 1 2\r\nok\r\n")
        #expect(told(dialogue.log) == ["consume a"])
    }

    @Test func `a large payload, a gap, and a beginning in the middle`() {
        var dialogue = Dialogue()
        dialogue.client("ayload\r\n")
        dialogue.client(Array("PUB a 100000\r\nxxx".utf8), missing: 5)
        dialogue.client(Array("\r\nPUB b 1\r\nx\r\n".utf8), missing: 99_997)
        dialogue.client(Array("lost\r\nPUB c 1\r\nx\r\nPUB d 1\r\nx\r\n".utf8), missing: 70)
        #expect(told(dialogue.log) == ["produce a", "produce b", "produce c", "produce d"])
    }

    @Test func `what is no message`() {
        let lines = [
            "PUB a\r\n", "PUB a -1\r\n", "PUB a b c 1\r\n", "PUB a 99999999999\r\n", "HPUB a 9 3\r\n", "MSG a 1 1\r\n",
        ]
        for line in lines {
            var dialogue = Dialogue(.nats)
            dialogue.client(line)
            #expect(dialogue.log.entries.isEmpty, "\(line)")
        }
    }

    @Test func `others who say PING`() {
        var dialogue = Dialogue()
        dialogue.client("PING\r\n")
        dialogue.server("+PONG\r\n")
        #expect(dialogue.conversation.verdict != .known(.nats))
        #expect(Noise.exchanges(of: .nats) == 0)
    }
}
