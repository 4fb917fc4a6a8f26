import Metrics
import Protocols
import Testing

@testable import Containers

@Suite struct RequestFamiliesTests {
    @Test func `every protocol has its series; brokers of messages have no inbound ones and no latencies`() {
        for applicationProtocol in ApplicationProtocol.allCases {
            let isBroker = applicationProtocol == .rabbitmq || applicationProtocol == .nats
            let outbound = RequestFamilies.of(applicationProtocol, isInbound: false)
            let inbound = RequestFamilies.of(applicationProtocol, isInbound: true)
            #expect(outbound != nil && (outbound?.histogram == nil) == isBroker)
            #expect((inbound == nil) == isBroker && (inbound?.histogram == nil) == isBroker)
        }
        #expect(RequestFamilies.of(.dubbo2, isInbound: true)?.counter.name == "container_dubbo_inbound_requests_total")
        #expect(
            RequestFamilies.of(.mysql, isInbound: false)?.histogram?.bucket.name
                == "container_mysql_queries_duration_seconds_total_bucket")
    }
}
