import Testing

@testable import Network

/// Replies are whatever comes in on a raw socket.
@Suite struct EchoMessageTests {
    private let request = EchoMessage(identifier: 0x1234, sequence: 7, cookie: 0x0102_0304_0506_0708)

    /// What a peer makes of the request.
    private func reply(isIPv6: Bool, options: Int = 0) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: EchoMessage.size)
        bytes.withUnsafeMutableBytes { request.write(isIPv6: isIPv6, into: $0) }
        if isIPv6 {
            bytes[0] = 129
            return bytes
        }
        bytes[0] = 0
        bytes[2] = 0
        bytes[3] = 0
        let sum = bytes.withUnsafeBytes { EchoMessage.checksum($0) }
        bytes[2] = UInt8(sum >> 8)
        bytes[3] = UInt8(sum & 0xFF)
        var header = [UInt8](repeating: 0, count: 20 + 4 * options)
        header[0] = 0x40 | UInt8(5 + options)
        return header + bytes
    }

    private func parse(_ bytes: [UInt8], isIPv6: Bool) -> EchoMessage? {
        bytes.withUnsafeBytes { EchoMessage(reply: $0, isIPv6: isIPv6) }
    }

    @Test(arguments: [false, true])
    func replies(isIPv6: Bool) throws {
        let parsed = try #require(parse(reply(isIPv6: isIPv6), isIPv6: isIPv6))
        #expect(parsed.identifier == 0x1234 && parsed.sequence == 7 && parsed.cookie == request.cookie)
        if !isIPv6 { #expect(parse(reply(isIPv6: false, options: 10), isIPv6: false) != nil) }
    }

    @Test func requestsHaveTheRightSum() {
        var bytes = [UInt8](repeating: 0xFF, count: EchoMessage.size)
        bytes.withUnsafeMutableBytes { request.write(isIPv6: false, into: $0) }
        #expect(bytes[0] == 8 && bytes[1] == 0)
        #expect(bytes.withUnsafeBytes { EchoMessage.checksum($0) } == 0)
        // RFC 1071, section 3.
        let example: [UInt8] = [0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]
        #expect(example.withUnsafeBytes { EchoMessage.checksum($0) } == ~0xDDF2)
    }

    @Test(arguments: [false, true])
    func damage(isIPv6: Bool) {
        let whole = reply(isIPv6: isIPv6)
        for length in 0..<whole.count { #expect(parse(Array(whole[..<length]), isIPv6: isIPv6) == nil) }
        // A request is no reply.
        var changed = whole
        changed[isIPv6 ? 0 : 20] = isIPv6 ? 128 : 8
        #expect(parse(changed, isIPv6: isIPv6) == nil)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var noise = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            _ = parse(noise, isIPv6: isIPv6)
            noise = whole
            noise[Int.random(in: 0..<noise.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            _ = parse(noise, isIPv6: isIPv6)
        }
    }
}
