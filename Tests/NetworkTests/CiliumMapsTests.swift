import Host
import Testing

@testable import Network

@Suite struct CiliumMapsTests {
    private func endpoint(_ address: String, _ port: UInt16) throws -> Endpoint {
        Endpoint(address: try #require(IPAddress(text: address)), port: port)
    }

    /// `struct ipv4_ct_tuple`: the ports change places, everything is in network order.
    @Test func keys() throws {
        var key = [UInt8](repeating: 0, count: 40)
        let (client, service) = (try endpoint("10.0.0.2", 0x9C40), try endpoint("10.96.0.1", 80))
        key.withUnsafeMutableBytes { CiliumMaps.writeKey(source: client, destination: service, into: $0) }
        #expect(Array(key[..<14]) == [10, 96, 0, 1, 10, 0, 0, 2, 0x9C, 0x40, 0, 80, 6, 4])
        let (client6, service6) = (try endpoint("fd00::2", 0x9C40), try endpoint("fd96::1", 443))
        key.withUnsafeMutableBytes { CiliumMaps.writeKey(source: client6, destination: service6, into: $0) }
        #expect(Array(key[..<2]) == [0xfd, 0x96] && key[15] == 1 && Array(key[16..<18]) == [0xfd, 0] && key[31] == 2)
        #expect(Array(key[32..<38]) == [0x9C, 0x40, 1, 187, 6, 4])
    }

    /// `struct lb4_backend` and `struct lb6_backend`, of both versions: the address, then the port.
    @Test func backends() throws {
        let four: [UInt8] = [10, 1, 2, 3, 0x1F, 0x90, 6, 0]
        #expect(four.withUnsafeBytes { CiliumMaps.backend($0, isIPv6: false) } == (try endpoint("10.1.2.3", 8080)))
        let six: [UInt8] = [0xfd, 0] + [UInt8](repeating: 0, count: 13) + [9, 0x1F, 0x90, 0, 0]
        #expect(six.withUnsafeBytes { CiliumMaps.backend($0, isIPv6: true) } == (try endpoint("fd00::9", 8080)))
        #expect([UInt8](repeating: 0, count: 8).withUnsafeBytes { CiliumMaps.backend($0, isIPv6: false) } == nil)
        #expect(four[..<5].withUnsafeBytes { CiliumMaps.backend($0, isIPv6: false) } == nil)
    }
}
