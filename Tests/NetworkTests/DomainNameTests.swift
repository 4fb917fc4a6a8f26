import Host
import Network
import Testing

@Suite struct DomainNameTests {
    @Test(arguments: [
        ("example.com", "example.com"), ("Example.COM.", "example.com"),
        ("4.3.2.1.in-addr.arpa", "IP.in-addr.arpa"), ("ip-10-0-0-1.ec2.internal", "IP.ec2.internal"),
        ("ip-10-0-0-1.eu-west-1.compute.internal", "ip-10-0-0-1.eu-west-1.compute.internal"),
        ("example.com.default.svc.cluster.local", "example.com.search_path_suffix"),
        ("redis.io.eu-central-1.compute.internal", "redis.io.search_path_suffix"),
        ("com.example", "com.example"), ("net.default.svc", "net.default.svc"),
        ("db.default.svc.cluster.local", "db.default.svc.cluster.local"), ("", ""), ("...", ""),
    ])
    func names(_ name: String, _ expected: String) { #expect(DomainName.normalised(name) == expected) }

    private func addresses(_ texts: String...) throws -> [IPAddress] {
        try texts.map { try #require(IPAddress(text: $0)) }
    }

    @Test func aNameOfSeveralExternalAddressesStandsForThem() throws {
        let names = DomainNames()
        let external = try addresses("93.184.216.34", "93.184.216.35")
        names.record("cdn.example.com", addresses: external, now: 1)
        let number = names.name(replacing: external[0], actual: external[0])
        #expect(names.text(number) == "cdn.example.com")
        // Behind NAT is something of our own: then the addresses count.
        #expect(names.name(replacing: external[0], actual: try addresses("10.0.0.1")[0]) == 0)
        var shown: [String] = []
        names.forEachShown { shown.append("\($0) \($1)") }
        #expect(shown.isEmpty)
    }

    @Test func otherNamesAreShownWithTheirAddresses() throws {
        let names = DomainNames()
        let (one, mixed) = (try addresses("93.184.216.34"), try addresses("93.184.216.36", "10.0.0.7"))
        names.record("one.example.com", addresses: one, now: 1)
        names.record("mixed.example.com", addresses: mixed, now: 1)
        #expect(names.name(replacing: one[0], actual: one[0]) == 0)
        var shown: [String] = []
        names.forEachShown { shown.append("\($0) \($1)") }
        #expect(
            shown.sorted() == [
                "10.0.0.7 mixed.example.com", "93.184.216.34 one.example.com", "93.184.216.36 mixed.example.com",
            ])
        // The last answer counts.
        names.record("new.example.com", addresses: one, now: 2)
        shown = []
        names.forEachShown { shown.append("\($0) \($1)") }
        #expect(shown.contains("93.184.216.34 new.example.com"))
    }

    @Test func oldAnswersGo() throws {
        let names = DomainNames()
        let (used, unused, fresh) = (
            try addresses("10.0.0.1"), try addresses("10.0.0.2"), try addresses("10.0.0.3")
        )
        names.record("used", addresses: used, now: 1)
        names.record("unused", addresses: unused, now: 1)
        names.record("fresh", addresses: fresh, now: 10)
        names.collectGarbage(olderThan: 5, isDestination: { $0 == used[0] }, used: [])
        var shown: [String] = []
        names.forEachShown { shown.append($1) }
        #expect(shown.sorted() == ["fresh", "used"])
    }

    @Test func isBounded() {
        let names = DomainNames()
        for number in 0..<DomainNames.maximumAddresses + 100 {
            let address = IPAddress(mappedHigh: 0, low: 0xFFFF << 32 | UInt64(number + 1))
            names.record("name-\(number % 10)", addresses: [address], now: 1)
        }
        #expect(names.count == DomainNames.maximumAddresses)
        #expect(names.dropped == 100)
    }

    @Test func quota() {
        var quota = NameQuota(limit: 2)
        var admitted: [String] = []
        for name in ["a", "b", "c", "a", "c"] { admitted.append(quota.admit(name)) }
        #expect(admitted == ["a", "b", "~other", "a", "~other"])
    }
}
