import Testing

@testable import Protocols

@Suite struct FoundationDBParserTests {
    /// A packet with a message of a type; within TLS there is no checksum.
    private func packet(_ type: UInt32, size: Int = 60, checksum: Bool = true) -> [UInt8] {
        func little(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        let token = [UInt8](repeating: 0xAB, count: 16)
        return little(UInt32(size)) + (checksum ? [UInt8](repeating: 0xCD, count: 8) : []) + token + little(0)
            + little(type) + [UInt8](repeating: 1, count: size - 24)
    }

    private var greeting: [UInt8] {
        [44, 0, 0, 0, 0, 0, 0, 0x71, 0xB0, 0x00, 0xDB, 0x1F] + [UInt8](repeating: 0, count: 36)
    }

    private func ok(_ reply: UInt32) -> UInt32 { 2 << 24 | reply }

    @Test(arguments: [true, false]) func `requests and the answers of their type`(checksum: Bool) {
        var dialogue = Dialogue()
        dialogue.client(greeting + packet(838566, checksum: checksum) + packet(8_454_530, checksum: checksum))
        dialogue.server(greeting)
        dialogue.server(packet(ok(1_378_929), checksum: checksum) + packet(ok(15_709_388), checksum: checksum))
        #expect(dialogue.conversation.verdict == .known(.foundationdb))
        #expect(dialogue.log.statuses == [.ok, .ok])
        #expect(dialogue.log.entries.map { $0.text.string(.operation) } == ["getValue", "getReadVersion"])
    }

    @Test func `small types are answers only where a request waits for one that is not known`() {
        var dialogue = Dialogue()
        dialogue.client(greeting + packet(838566))
        dialogue.server(greeting + packet(ok(3)) + packet(ok(11)))
        #expect(dialogue.log.statuses == [])
        dialogue.client(packet(14_747_733))
        dialogue.server(packet(ok(3)) + packet(ok(11)))
        #expect(dialogue.log.statuses == [.ok])
        dialogue.server(packet(ok(15_709_388)))
        #expect(dialogue.log.statuses == [.ok, .ok])
    }

    @Test func `every cut gives the same`() {
        let (client, server) = (
            greeting + packet(8_454_530) + packet(93948), greeting + packet(ok(1_378_929)) + packet(ok(14_254_927))
        )
        for cut in 1..<client.count {
            var dialogue = Dialogue()
            dialogue.client(Array(client[..<cut]))
            dialogue.client(Array(client[cut...]))
            dialogue.server(Array(server[..<cut]))
            dialogue.server(Array(server[cut...]))
            #expect(dialogue.log.statuses == [.ok, .ok])
        }
    }

    @Test func `a connection that is older than the agent`() {
        var dialogue = Dialogue()
        dialogue.client(packet(8_454_530))
        dialogue.server(packet(ok(1_378_929)))
        dialogue.client(Array(packet(93948, size: 2000)[..<1024]), missing: 5000, tail: 988)
        dialogue.server(packet(ok(14_254_927)))
        #expect(dialogue.log.statuses == [.ok, .ok])
    }

    @Test func `noise is nothing`() { #expect(Noise.exchanges(of: .foundationdb) == 0) }
}
