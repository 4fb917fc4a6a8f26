import Testing

@testable import Protocols

@Suite struct Dubbo2ParserTests {
    private func call(_ id: UInt64, flags: UInt8 = 0xC2, service: String = "org.shop.Orders", method: String = "find")
        -> [UInt8]
    {
        MessageBuilder.build {
            $0.add(UInt16(0xDABB))
            $0.add(flags)
            $0.add(UInt8(0))
            $0.add(id)
            $0.add(sized: UInt32.self) {
                $0.add("2.0.2", length: UInt8.self)
                $0.add(service, length: UInt8.self)
                $0.add("0.0.0", length: UInt8.self)
                $0.add(method, length: UInt8.self)
                $0.add(raw: [UInt8](repeating: 0x48, count: 30))
            }
        }
    }

    private func answer(_ id: UInt64, _ status: UInt8, flags: UInt8 = 2) -> [UInt8] {
        MessageBuilder.build {
            $0.add(UInt16(0xDABB))
            $0.add(flags)
            $0.add(status)
            $0.add(id)
            $0.add(sized: UInt32.self) { $0.add(raw: [0x91, 0x05, 0xDA, 0xBB]) }
        }
    }

    @Test func `calls and their status, out of order`() {
        var dialogue = Dialogue()
        dialogue.client(call(1) + call(2) + call(3))
        dialogue.server(answer(3, 20) + answer(1, 31))
        dialogue.server(answer(2, 99))
        #expect(dialogue.conversation.verdict == .known(.dubbo2))
        #expect(dialogue.log.statuses == [.ok, .failed, .unknown])
        #expect(dialogue.log.entries[0].text.string(.target) == "org.shop.Orders/find")
        #expect(dialogue.log.entries[0].text.string(.operation) == "find")
    }

    @Test func `heartbeats are no calls, and one-way calls need no answer`() {
        var dialogue = Dialogue()
        dialogue.client(call(1, flags: 0xE2))
        dialogue.server(answer(1, 20, flags: 0x22) + call(9, flags: 0xE2))
        dialogue.client(call(2, flags: 0x82))
        #expect(dialogue.log.statuses == [.ok] && !dialogue.conversation.isWaiting)
    }

    @Test func `every cut gives the same`() {
        let (client, server) = (call(7) + call(8), answer(7, 20) + answer(8, 100))
        for cut in 1..<client.count {
            var dialogue = Dialogue(cut < 20 ? .dubbo2 : nil)
            dialogue.client(Array(client[..<cut]))
            dialogue.client(Array(client[cut...]))
            let middle = min(cut, server.count - 1)
            dialogue.server(Array(server[..<middle]))
            dialogue.server(Array(server[middle...]))
            #expect(dialogue.log.statuses == [.ok, .failed])
        }
    }

    @Test func `noise is nothing`() { #expect(Noise.exchanges(of: .dubbo2) == 0) }
}
