import Host
import Testing

@testable import Network

/// Messages put together here, member by member, as the kernel lays them out, whole and damaged. KernelTests read real ones.
@Suite struct ConntrackMessageTests {
    private func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.utf8.filter { $0 != 0x20 && $0 != 0x0A }.map { $0 > 0x60 ? $0 - 0x57 : $0 - 0x30 }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// Payload: 10.0.0.2:40000 → 10.96.0.1:80, which is 192.168.1.5:8080.
    private func message(status: UInt32 = 0x28) -> [UInt8] {
        var result = bytes("02000000")
        result += bytes("3400 0180 1400 0180 0800 0100 0a000002 0800 0200 0a600001")
        result += bytes("1c00 0280 0500 0100 06000000 0600 0200 9c400000 0600 0300 00500000")
        result += bytes("3400 0280 1400 0180 0800 0100 c0a80105 0800 0200 0a000002")
        result += bytes("1c00 0280 0500 0100 06000000 0600 0200 1f900000 0600 0300 9c400000")
        result += bytes("0800 0300") + [0, 0, 0, UInt8(status)]
        return result
    }

    private func parse(_ bytes: [UInt8]) -> ConntrackMessage? {
        bytes.withUnsafeBytes { ConntrackMessage(payload: $0) }
    }

    @Test func aTranslatedConnection() throws {
        let parsed = try #require(parse(message()))
        #expect(parsed.source.description == "10.0.0.2:40000")
        #expect(parsed.destination.description == "10.96.0.1:80")
        #expect(parsed.actual?.description == "192.168.1.5:8080")
    }

    @Test func withoutTheStatusNothingIsTranslated() throws {
        #expect(try #require(parse(message(status: 0x08))).actual == nil)
    }

    @Test func otherProtocolsAreLeftOut() {
        var changed = message()
        for index in changed.indices.dropLast(4) where Array(changed[index..<(index + 4)]) == [5, 0, 1, 0] {
            changed[index + 4] = 17
        }
        #expect(parse(changed) == nil)
    }

    /// Every cut, and every byte changed: no crash, and nothing read beyond the end.
    @Test func damage() {
        let whole = message()
        for length in 0..<whole.count { _ = parse(Array(whole[..<length])) }
        for index in whole.indices {
            for value in [UInt8(0), 1, 3, 4, 0x7F, 0x80, 0xFF] {
                var changed = whole
                changed[index] = value
                _ = parse(changed)
            }
        }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var changed = whole
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                changed[Int.random(in: 0..<changed.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let cut = Int.random(in: 0...changed.count, using: &random)
            _ = parse(Array(changed[..<cut]))
        }
    }

    @Test func framesAreCheckedToo() {
        var frames = [UInt8](repeating: 0, count: 64)
        for length in [UInt32(0), 15, 16, 17, 63, 64, 65, .max] {
            withUnsafeBytes(of: length) { frames.replaceSubrange(0..<4, with: $0) }
            var seen = 0
            frames.withUnsafeBytes { ConntrackMessage.forEach($0) { _, _, _ in seen += 1 } }
            #expect(seen <= 4)
        }
    }

    /// A request has the form of the kernel's own messages: read back as one it says the same.
    @Test(arguments: ["10.0.0.2|10.96.0.1", "fd00::2|fd96::1"])
    func requests(_ text: String) throws {
        let parts = text.split(separator: "|")
        let source = Endpoint(address: try #require(IPAddress(text: String(parts[0]))), port: 40000)
        let destination = Endpoint(address: try #require(IPAddress(text: String(parts[1]))), port: 80)
        var buffer = [UInt8](repeating: 0xEE, count: 128)
        let length = buffer.withUnsafeMutableBytes {
            ConntrackMessage.request(source: source, destination: destination, sequence: 7, into: $0)
        }
        var found: [(UInt16, UInt32)] = []
        buffer[..<length].withUnsafeBytes { bytes in
            ConntrackMessage.forEach(bytes) { type, sequence, payload in
                found.append((type, sequence))
                // Only one direction: the tuple itself is checked by putting it in twice.
                var twice = Array(payload)
                var reply = Array(payload.dropFirst(4))
                reply[2] = 2
                twice += reply
                let parsed = twice.withUnsafeBytes { ConntrackMessage(payload: $0) }
                #expect(parsed?.source == source && parsed?.destination == destination)
            }
        }
        #expect(found.map(\.0) == [0x101] && found.map(\.1) == [7])
    }
}
