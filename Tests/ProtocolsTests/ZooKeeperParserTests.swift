import Testing

@testable import Protocols

@Suite struct ZooKeeperParserTests {
    private func request(_ number: Int32, _ operation: Int32, path: String? = nil) -> [UInt8] {
        MessageBuilder.build {
            $0.add(sized: Int32.self) {
                $0.add(number)
                $0.add(operation)
                if let path {
                    $0.add(path, length: Int32.self)
                    $0.add(UInt8(0))
                }
            }
        }
    }

    private func answer(_ number: Int32, _ error: Int32 = 0, size: Int = 0) -> [UInt8] {
        MessageBuilder.build {
            $0.add(sized: Int32.self) {
                $0.add(number)
                $0.add(Int64(77))
                $0.add(error)
                $0.add(raw: [UInt8](repeating: 1, count: size))
            }
        }
    }

    private var opening: [UInt8] {
        MessageBuilder.build {
            $0.add(sized: Int32.self) {
                $0.add(raw: [UInt8](repeating: 0, count: 12))
                $0.add(Int32(10000))
                $0.add(Int64(0))
                $0.add(Int32(16))
                $0.add(raw: [UInt8](repeating: 0, count: 17))
            }
        }
    }

    private var opened: [UInt8] {
        MessageBuilder.build {
            $0.add(sized: Int32.self) {
                $0.add(Int32(0))
                $0.add(Int32(10000))
                $0.add(Int64(0x1000))
                $0.add(Int32(16))
                $0.add(raw: [UInt8](repeating: 7, count: 17))
            }
        }
    }

    private func texts(_ log: ExchangeLog) -> [String] {
        log.entries.map { "\($0.text.string(.operation) ?? "") \($0.text.string(.target) ?? "")" }
    }

    @Test func `a session`() {
        var dialogue = Dialogue()
        dialogue.client(opening)
        dialogue.server(opened)
        dialogue.client(request(1, 1, path: "/a") + request(2, 4, path: "/missing") + request(-2, 11))
        dialogue.server(answer(-2))
        dialogue.server(answer(-1, 0, size: 30) + answer(1, 0, size: 6) + answer(2, -101))
        dialogue.client(request(3, -11))
        dialogue.server(answer(3))
        #expect(dialogue.conversation.verdict == .known(.zookeeper))
        #expect(texts(dialogue.log) == ["ping ", "create /a", "getData /missing", "close "])
        #expect(dialogue.log.statuses == [.zookeeper(0), .zookeeper(0), .zookeeper(-101), .zookeeper(0)])
    }

    @Test func `several operations in one`() {
        var dialogue = Dialogue()
        let multi = MessageBuilder.build {
            $0.add(sized: Int32.self) {
                $0.add(Int32(5))
                $0.add(Int32(14))
                $0.add(Int32(2))
                $0.add(UInt8(0))
                $0.add(Int32(-1))
                $0.add("/gone", length: Int32.self)
                $0.add(Int32(-1))
            }
        }
        dialogue.client(multi)
        dialogue.client(request(6, 3, path: "/a"))
        dialogue.server(answer(5, -4))
        dialogue.server(answer(6))
        #expect(texts(dialogue.log) == ["multi(delete, ...) /gone", "exists /a"])
        #expect(dialogue.log.statuses.first == .zookeeper(-4))
    }

    @Test func `every cut gives the same`() {
        let (client, server) = (
            opening + request(1, 3, path: "/abc") + request(2, 8, path: "/"), opened + answer(1) + answer(2, -101)
        )
        for cut in 1..<client.count {
            var dialogue = Dialogue()
            dialogue.client(Array(client[..<cut]))
            dialogue.client(Array(client[cut...]))
            let middle = min(cut, server.count - 1)
            dialogue.server(Array(server[..<middle]))
            dialogue.server(Array(server[middle...]))
            #expect(texts(dialogue.log) == ["exists /abc", "getChildren /"])
        }
    }

    @Test func `after a gap`() {
        var dialogue = Dialogue()
        dialogue.client(request(11, 4, path: "/x"))
        dialogue.client(request(12, 4, path: "/y"))
        dialogue.server([9, 9, 9, 9, 9], missing: 33)
        dialogue.server(answer(12))
        #expect(dialogue.log.statuses == [.unknown, .zookeeper(0)])
    }

    @Test func `noise is nothing`() { #expect(Noise.exchanges(of: .zookeeper) == 0) }
}
