import Metrics
import Testing

@Suite struct MetricFamilyTests {
    @Test func everyCaseHasItsOwnDescription() {
        // The table is in the order of the cases: a case's name is the metric's name in camel case.
        for family in MetricFamily.allCases {
            let words = family.name.split(separator: "_")
            let camel = words.enumerated().map { index, word in
                index == 0 ? String(word) : word.prefix(1).uppercased() + word.dropFirst()
            }.joined()
            #expect("\(family)" == camel)
            #expect(!family.help.isEmpty)
        }
        #expect(Set(MetricFamily.allCases.map(\.name)).count == MetricFamily.allCases.count)
    }

    @Test func countersOfTheOriginalKeepTheirNames() {
        let connects = MetricFamily.containerNetTcpSuccessfulConnectsTotal
        #expect(connects.name == "container_net_tcp_successful_connects_total")
        #expect(connects.type == .counter)
        #expect(MetricFamily.containerNetTcpActiveConnections.type == .gauge)
    }
}
