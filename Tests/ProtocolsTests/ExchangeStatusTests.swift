import Testing

@testable import Protocols

@Suite struct ExchangeStatusTests {
    private func label(_ status: ExchangeStatus, _ applicationProtocol: ApplicationProtocol, inbound: Bool = false)
        -> String?
    {
        status.label(for: applicationProtocol, isInbound: inbound).map { "\($0)" }
    }

    @Test func `labels are those that dashboards know`() {
        let http = [0, 99, 100, 204, 301, 404, 599, 600, 65535].map { label(.http($0), .http1) }
        #expect(http == ["unknown", "unknown", "1xx", "2xx", "3xx", "4xx", "5xx", "unknown", "unknown"])
        let grpc = [0, 1, 16, 17, 255].map { label(.grpc($0), .http2) }
        #expect(grpc == ["grpc:OK", "grpc:CANCELLED", "grpc:UNAUTHENTICATED", "grpc:UNKNOWN", "grpc:UNKNOWN"])
        let dns = (0...6).map { label(.dns($0), .dns) }
        #expect(dns == ["ok", "format_error", "servfail", "nxdomain", "not_implemented", "refused", nil])
        #expect(label(.dns(6), .dns, inbound: true) == "failed" && label(.dns(0), .dns, inbound: true) == "ok")
        let zookeeper = [0, -1, -9, -10, -101, -123, .min].map { label(.zookeeper($0), .zookeeper) }
        #expect(zookeeper == ["ok", "failed", "failed", "ok", "ok", "failed", "ok"])
        #expect(
            [.ok, .failed, .unknown, .unanswered].map { label($0, .redis) } == [
                "ok", "failed", "unknown", "unanswered",
            ])
    }

    @Test func `a span is an error of the side that is to blame`() {
        #expect([200, 400, 404, 500].map { ExchangeStatus.http($0).isError() } == [false, true, true, true])
        #expect(
            [200, 400, 404, 500].map { ExchangeStatus.http($0).isError(isInbound: true) } == [
                false, false, false, true,
            ])
        #expect([0, 5, 13].map { ExchangeStatus.grpc($0).isError() } == [false, true, true])
        #expect([0, 5, 13].map { ExchangeStatus.grpc($0).isError(isInbound: true) } == [false, false, true])
        #expect([0, 2, 3].map { ExchangeStatus.dns($0).isError() } == [false, true, false])
        #expect(ExchangeStatus.zookeeper(-4).isError() && !ExchangeStatus.zookeeper(-101).isError())
        #expect(ExchangeStatus.failed.isError() && ExchangeStatus.unanswered.isError() && !ExchangeStatus.ok.isError())
    }
}
