import Testing

@testable import Host

struct IPAddressTests {
    @Test func textAndKinds() throws {
        let v4 = try #require(IPAddress([192, 0, 2, 7] as [UInt8]))
        #expect(v4.description == "192.0.2.7")
        #expect(v4.bytes == [192, 0, 2, 7])
        let v6 = try #require(IPAddress([0xfd] + [UInt8](repeating: 0, count: 14) + [2]))
        #expect(v6.description == "fd00::2")
        #expect(v6.bytes.count == 16)
        #expect(!v4.isLoopback && !v4.isLinkLocalUnicast && !v4.isMulticast)
        #expect(try #require(IPAddress([127, 9, 9, 9] as [UInt8])).isLoopback)
        #expect(try #require(IPAddress([169, 254, 0, 1] as [UInt8])).isLinkLocalUnicast)
        #expect(try #require(IPAddress([224, 0, 0, 251] as [UInt8])).isLinkLocalMulticast)
        #expect(try !#require(IPAddress([239, 0, 0, 1] as [UInt8])).isLinkLocalMulticast)
        #expect(try #require(IPAddress([239, 0, 0, 1] as [UInt8])).isMulticast)
        #expect(try #require(IPAddress([UInt8](repeating: 0, count: 15) + [1])).isLoopback)
        #expect(try #require(IPAddress([0xfe, 0x80] + [UInt8](repeating: 0, count: 14))).isLinkLocalUnicast)
        #expect(try #require(IPAddress([0xff, 0x02] + [UInt8](repeating: 0, count: 14))).isLinkLocalMulticast)
        #expect(IPAddress([1, 2, 3] as [UInt8]) == nil)
    }
}
