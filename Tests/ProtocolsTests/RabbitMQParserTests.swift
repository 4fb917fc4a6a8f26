import Testing

@testable import Protocols

@Suite struct RabbitMQParserTests {
    private func frame(_ type: UInt8 = 1, channel: UInt16 = 1, _ body: (inout MessageBuilder) -> Void) -> [UInt8] {
        MessageBuilder.build {
            $0.add(type)
            $0.add(channel)
            $0.add(sized: UInt32.self, body)
            $0.add(UInt8(0xCE))
        }
    }

    private func method(_ classNumber: UInt16, _ method: UInt16, _ body: (inout MessageBuilder) -> Void = { _ in })
        -> [UInt8]
    {
        frame {
            $0.add(classNumber)
            $0.add(method)
            body(&$0)
        }
    }

    private func content(_ size: Int) -> [UInt8] {
        frame(2) {
            $0.add(UInt32(60 << 16))
            $0.add(UInt64(size))
            $0.add(UInt16(0))
        } + frame(3) { $0.add(raw: [UInt8](repeating: 0xCE, count: size)) }
    }

    private func publish(_ exchange: String, _ key: String, size: Int = 20) -> [UInt8] {
        method(60, 40) {
            $0.add(UInt16(0))
            $0.add(exchange, length: UInt8.self)
            $0.add(key, length: UInt8.self)
            $0.add(UInt8(0))
        } + content(size)
    }

    private func deliver(_ exchange: String, _ key: String) -> [UInt8] {
        method(60, 60) {
            $0.add("consumer", length: UInt8.self)
            $0.add(UInt64(1))
            $0.add(UInt8(0))
            $0.add(exchange, length: UInt8.self)
            $0.add(key, length: UInt8.self)
        } + content(9)
    }

    private var preface: [UInt8] { Array("AMQP".utf8) + [0, 0, 9, 1] }
    private var start: [UInt8] { method(10, 10) { $0.add(raw: [0, 9, 0, 0, 0, 0]) } }

    private func told(_ log: ExchangeLog) -> [String] {
        log.entries.map { "\($0.exchange.method) \($0.text.string(.operation) ?? "") \($0.text.string(.target) ?? "")" }
    }

    @Test func `what is published, delivered and fetched`() {
        var dialogue = Dialogue()
        dialogue.client(preface)
        dialogue.server(start)
        dialogue.client(publish("logs", "app.error") + publish("", "queue"))
        dialogue.server(method(60, 80) { $0.add(raw: [0, 0, 0, 0, 0, 0, 0, 1, 0]) } + deliver("logs", "app.error"))
        dialogue.client(method(60, 70) { $0.add(raw: [0, 0, 0, 0]) })
        dialogue.server(
            method(60, 71) {
                $0.add(UInt64(1))
                $0.add(UInt8(0))
                $0.add("", length: UInt8.self)
                $0.add("queue", length: UInt8.self)
                $0.add(UInt32(0))
            } + content(5))
        #expect(dialogue.conversation.verdict == .known(.rabbitmq))
        #expect(
            told(dialogue.log) == [
                "produce publish logs:app.error", "produce publish queue", "consume deliver logs:app.error",
                "consume get queue",
            ])
        #expect(dialogue.log.statuses == [.ok, .ok, .ok, .ok])
    }

    @Test(arguments: [true, false]) func `every cut gives the same`(wantsText: Bool) {
        let client = preface + publish("logs", "a") + publish("logs", "b", size: 300)
        let server = start + deliver("x", "y") + deliver("x", "z")
        for cut in 1..<client.count {
            var dialogue = Dialogue(wantsText: wantsText)
            dialogue.client(Array(client[..<cut]))
            let middle = min(cut, server.count - 1)
            // The broker says nothing before the whole preface.
            if cut >= preface.count { dialogue.server(Array(server[..<middle])) }
            dialogue.client(Array(client[cut...]))
            dialogue.server(cut >= preface.count ? Array(server[middle...]) : server)
            #expect(dialogue.log.entries.count == 4)
        }
    }

    @Test func `a connection that is older than the agent, and whose sides were guessed wrongly`() {
        var dialogue = Dialogue()
        dialogue.server(frame(8, channel: 0) { _ in })
        dialogue.server(publish("logs", "a"))
        dialogue.client(deliver("logs", "b"))
        #expect(dialogue.conversation.isFlipped)
        #expect(told(dialogue.log) == ["produce publish logs:a", "consume deliver logs:b"])
    }

    @Test func `after a gap the next whole method counts`() {
        var dialogue = Dialogue()
        dialogue.client(preface)
        dialogue.server(start)
        dialogue.client(publish("logs", "a"))
        let rest: [UInt8] = [0xCE, 1, 2, 0xCE, 0xCE, 1, 0, 1, 0, 0, 0, 4, 0, 60, 0, 40, 0]
        dialogue.client(rest + [0xCE] + publish("logs", "c"), missing: 10_000)
        #expect(told(dialogue.log) == ["produce publish logs:a", "produce publish logs:c"])
    }

    @Test func `noise is nothing`() { #expect(Noise.exchanges(of: .rabbitmq) == 0) }
}
