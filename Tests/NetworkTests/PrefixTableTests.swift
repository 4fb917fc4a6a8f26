import Host
import Network
import Testing

@Suite struct PrefixTableTests {
    /// Against every network compared one by one.
    @Test func findsTheLongest() throws {
        var random = SystemRandomNumberGenerator()
        for isIPv6 in [false, true] {
            var blocks: [CIDRBlock] = []
            for _ in 0..<300 {
                let length = Int.random(in: 0...(isIPv6 ? 128 : 32), using: &random)
                blocks.append(CIDRBlock(around: address(isIPv6, &random), length: length))
            }
            let table = PrefixTable(blocks)
            for _ in 0..<5000 {
                let probe = address(isIPv6, &random)
                let best = blocks.filter { $0.contains(probe) }.map(\.length).max()
                #expect(table.longestMatch(probe)?.length == best)
                if let match = table.longestMatch(probe) { #expect(match.contains(probe)) }
            }
        }
    }

    /// Few different bits, so that networks and addresses meet.
    private func address(_ isIPv6: Bool, _ random: inout SystemRandomNumberGenerator) -> IPAddress {
        let bytes = (0..<(isIPv6 ? 16 : 4)).map { _ in UInt8([0, 1, 128, 255].randomElement(using: &random) ?? 0) }
        return IPAddress(bytes) ?? .unspecified
    }

    @Test func familiesAreApart() throws {
        let all = PrefixTable([try #require(CIDRBlock("::/0"))])
        #expect(!all.contains(try #require(IPAddress(text: "1.2.3.4"))))
        #expect(all.contains(try #require(IPAddress(text: "2001:db8::1"))))
        let four = PrefixTable([try #require(CIDRBlock("0.0.0.0/0"))])
        #expect(!four.contains(try #require(IPAddress(text: "2001:db8::1"))))
    }

    @Test func isBounded() throws {
        var table = PrefixTable()
        for number in 0..<PrefixTable.maximumEntries {
            let block = CIDRBlock(around: IPAddress(mappedHigh: 0, low: 0xFFFF << 32 | UInt64(number)), length: 32)
            let isIn = table.insert(block)
            #expect(isIn)
        }
        let (new, known) = (try #require(CIDRBlock("9.9.9.9/32")), try #require(CIDRBlock("0.0.0.5/32")))
        let (hasRoom, isKnown) = (table.insert(new), table.insert(known))
        #expect(!hasRoom && isKnown)
        #expect(table.count == PrefixTable.maximumEntries)
    }
}
