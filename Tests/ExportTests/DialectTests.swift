import Testing
import Wire

@testable import Export

/// What a receiver's answers do to the form of the next requests.
@Suite struct DialectTests {
    private let snappy = Packaging(metricsProtocol: .remoteWrite, coding: .snappy)
    private let zstd = Packaging(metricsProtocol: .remoteWrite, coding: .zstd)

    @Test func zstdOnlyForVictoriaMetrics() {
        var dialect = Dialect(.remoteWrite, .auto)
        #expect(dialect.packaging() == snappy)
        dialect.accepted(snappy, isVictoriaMetrics: false)
        #expect(dialect.packaging() == snappy)
        dialect.accepted(snappy, isVictoriaMetrics: true)
        #expect(dialect.packaging() == zstd)
    }

    /// VictoriaMetrics before 1.88 answers 400; it is asked again after a day.
    @Test func aRefusalCountsForADay() {
        var dialect = Dialect(.remoteWrite, .zstd)
        let start = ContinuousClock.now
        #expect(dialect.refused(zstd, isUnsupported: false, now: start) == snappy)
        #expect(dialect.packaging(now: start + .seconds(80_000)) == snappy)
        #expect(dialect.packaging(now: start + .seconds(90_000)) == zstd)
    }

    /// What was taken once is not to blame when a request is bad, unless the receiver says so.
    @Test func aBadRequestIsNoRefusal() {
        var dialect = Dialect(.remoteWrite, .zstd)
        dialect.accepted(zstd, isVictoriaMetrics: true)
        #expect(dialect.refused(zstd, isUnsupported: false) == nil)
        #expect(dialect.packaging() == zstd)
        #expect(dialect.refused(zstd, isUnsupported: true) == snappy)
        #expect(dialect.refused(snappy, isUnsupported: true) == nil)
    }

    @Test func remoteWrite2LosesItsCompressionFirst() {
        var dialect = Dialect(.remoteWrite2, .zstd)
        let form = dialect.packaging()
        #expect(form == Packaging(metricsProtocol: .remoteWrite2, coding: .zstd))
        let second = dialect.refused(form, isUnsupported: true)
        #expect(second == Packaging(metricsProtocol: .remoteWrite2, coding: .snappy))
        #expect(second.flatMap { dialect.refused($0, isUnsupported: true) } == snappy)
        #expect(dialect.packaging() == snappy)
    }

    @Test func otlpFallsBackToGzip() {
        #expect(Dialect(.otlp, .auto).packaging().coding == .gzip)
        var dialect = Dialect(.otlp, .zstd)
        #expect(dialect.refused(dialect.packaging(), isUnsupported: true)?.coding == .gzip)
        #expect(dialect.packaging().coding == .gzip)
    }
}
