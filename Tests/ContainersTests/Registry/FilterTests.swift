import Containers
import Host
import Network
import Testing

@Suite struct FilterTests {
    private func endpoint(_ address: String, _ port: UInt16) throws -> Endpoint {
        Endpoint(address: try #require(IPAddress(text: address)), port: port)
    }

    @Test func blocks() throws {
        #expect(CIDRBlock("10.0.0.0/8")?.contains(try #require(IPAddress(text: "10.255.0.1"))) == true)
        #expect(CIDRBlock("10.0.0.0/8")?.contains(try #require(IPAddress(text: "11.0.0.1"))) == false)
        #expect(CIDRBlock("0.0.0.0/0")?.contains(try #require(IPAddress(text: "8.8.8.8"))) == true)
        #expect(CIDRBlock("0.0.0.0/0")?.contains(try #require(IPAddress(text: "2001:db8::1"))) == false)
        #expect(CIDRBlock("2001:db8::/65")?.contains(try #require(IPAddress(text: "2001:db8::1"))) == true)
        #expect(CIDRBlock("2001:db8::/65")?.contains(try #require(IPAddress(text: "2001:db8:0:0:8000::1"))) == false)
        for bad in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/-1", "10.0.0.0/8/9", "x/8"] {
            #expect(CIDRBlock(bad) == nil, "\(bad)")
        }
    }

    @Test func portRanges() {
        let ranges = PortRanges("1000-2000, 32768-60999")
        #expect(ranges?.contains(1000) == true && ranges?.contains(2000) == true && ranges?.contains(2001) == false)
        #expect(PortRanges("")?.contains(40000) == false)
        for bad in ["x", "1-", "5-4", "1-70000", "1-2-3"] { #expect(PortRanges(bad) == nil, "\(bad)") }
    }

    @Test func destinations() throws {
        let filter = ConnectionFilter(
            ephemeral: try #require(PortRanges("32768-60999")), tracked: [try #require(CIDRBlock("8.8.0.0/16"))])
        #expect(filter.keeps(try endpoint("10.1.2.3", 80), isHostNetwork: false))
        #expect(filter.keeps(try endpoint("172.31.0.1", 80), isHostNetwork: false))
        #expect(filter.keeps(try endpoint("100.64.0.1", 80), isHostNetwork: false))
        #expect(filter.keeps(try endpoint("fd00::1", 80), isHostNetwork: false))
        #expect(filter.keeps(try endpoint("8.8.8.8", 53), isHostNetwork: false))
        #expect(!filter.keeps(try endpoint("9.9.9.9", 53), isHostNetwork: false))
        #expect(!filter.keeps(try endpoint("127.0.0.1", 80), isHostNetwork: false))
        #expect(filter.keeps(try endpoint("127.0.0.1", 80), isHostNetwork: true))
        #expect(!filter.keeps(try endpoint("169.254.1.1", 80), isHostNetwork: true))
        #expect(!filter.keeps(try endpoint("fe80::1", 80), isHostNetwork: true))
        #expect(!filter.keeps(try endpoint("10.1.2.3", 40000), isHostNetwork: false))
        #expect(filter.keeps(try endpoint("10.1.2.3", 50051), isHostNetwork: false))
    }

    @Test func whatIsBehindCounts() throws {
        let filter = ConnectionFilter(ephemeral: .none, tracked: [])
        let (service, pod, other) = (
            try endpoint("203.0.113.5", 443), try endpoint("10.1.2.3", 8443), try endpoint("203.0.113.5", 80)
        )
        #expect(!filter.keeps(service, isHostNetwork: false))
        #expect(filter.keeps(service, actual: pod, isHostNetwork: false))
        // From then on the address is known, whatever the port.
        #expect(filter.keeps(other, isHostNetwork: false))
        // Loopback behind a service is nobody's business outside of the host's network.
        let loopback = try endpoint("127.0.0.1", 15001)
        #expect(!filter.keeps(try endpoint("10.9.9.9", 80), actual: loopback, isHostNetwork: false))
        #expect(filter.keeps(try endpoint("10.9.9.9", 80), actual: loopback, isHostNetwork: true))
    }

    @Test func knownAddressesAreBounded() throws {
        let filter = ConnectionFilter(ephemeral: .none, tracked: [])
        let pod = try endpoint("10.1.2.3", 8443)
        for number in 0..<20_000 {
            let address = IPAddress(mappedHigh: 0, low: 0xFFFF_CB00_0000 + UInt64(number))
            #expect(filter.keeps(Endpoint(address: address, port: 80), actual: pod, isHostNetwork: false))
        }
        let first = Endpoint(address: IPAddress(mappedHigh: 0, low: 0xFFFF_CB00_0000), port: 80)
        #expect(!filter.keeps(first, isHostNetwork: false))
    }

    @Test func networksOfTheNode() throws {
        let filter = ConnectionFilter(ephemeral: .none, tracked: [])
        #expect(!filter.keeps(try endpoint("198.51.100.9", 80), isHostNetwork: false))
        filter.setNodeNetworks([try #require(CIDRBlock("198.51.100.1/24"))])
        #expect(filter.keeps(try endpoint("198.51.100.9", 80), isHostNetwork: false))
        #expect(!filter.keeps(try endpoint("198.51.101.9", 80), isHostNetwork: false))
    }

    @Test func endpointsAreWrittenWithBrackets() throws {
        #expect(try endpoint("10.0.0.1", 80).description == "10.0.0.1:80")
        #expect(try endpoint("2001:db8::1", 443).description == "[2001:db8::1]:443")
    }
}
