import Wire

/// What one receiver understands, as far as its answers tell: which protocol and which compression requests to it get.
///
/// Only what the protocol's specification demands of every receiver is taken for granted (snappy for remote write, gzip for
/// OTLP). Anything else is dropped for a day as soon as the receiver refuses it.
struct Dialect {
    /// How long a refusal counts; then the refused form is tried again.
    static let memory: Duration = .seconds(24 * 3600)

    private let wanted: MetricsProtocol
    private let compression: PushCompression
    /// Whether an answer said that VictoriaMetrics made it, whose remote write takes zstd in newer versions.
    private var isVictoriaMetrics = false
    /// Forms that the receiver took.
    private var proven: Set<Packaging> = []
    private var refusedProtocolUntil: ContinuousClock.Instant?
    private var refusedCodingUntil: ContinuousClock.Instant?

    init(_ wanted: MetricsProtocol, _ compression: PushCompression) {
        self.wanted = wanted
        self.compression = compression
    }

    /// The form of the next request.
    func packaging(now: ContinuousClock.Instant = .now) -> Packaging {
        let isProtocolRefused = refusedProtocolUntil.map { now < $0 } ?? false
        let metricsProtocol = wanted == .remoteWrite2 && isProtocolRefused ? MetricsProtocol.remoteWrite : wanted
        let isCodingRefused = refusedCodingUntil.map { now < $0 } ?? false
        return Packaging(
            metricsProtocol: metricsProtocol,
            coding: isCodingRefused ? Self.certain(metricsProtocol) : preferred(metricsProtocol))
    }

    /// The receiver took a request.
    mutating func accepted(_ packaging: Packaging, isVictoriaMetrics: Bool) {
        proven.insert(packaging)
        if isVictoriaMetrics { self.isVictoriaMetrics = true }
    }

    /// The receiver refused a request. Returns the form in which it may take it, or nil if the form is not to blame.
    mutating func refused(
        _ packaging: Packaging, isUnsupported: Bool, now: ContinuousClock.Instant = .now
    ) -> Packaging? {
        // What was taken before is not refused for its form, unless the receiver says so.
        guard isUnsupported || !proven.contains(packaging) else { return nil }
        let certain = Self.certain(packaging.metricsProtocol)
        if packaging.coding != certain {
            refusedCodingUntil = now + Self.memory
            return Packaging(metricsProtocol: packaging.metricsProtocol, coding: certain)
        }
        guard packaging.metricsProtocol == .remoteWrite2 else { return nil }
        refusedProtocolUntil = now + Self.memory
        return Packaging(metricsProtocol: .remoteWrite, coding: Self.certain(.remoteWrite))
    }

    /// What every receiver of the protocol must take.
    private static func certain(_ metricsProtocol: MetricsProtocol) -> RequestCoding {
        metricsProtocol == .otlp ? .gzip : .snappy
    }

    private func preferred(_ metricsProtocol: MetricsProtocol) -> RequestCoding {
        switch compression {
        case .auto: metricsProtocol != .otlp && isVictoriaMetrics ? .zstd : Self.certain(metricsProtocol)
        case .snappy: .snappy
        case .zstd: .zstd
        case .gzip: .gzip
        case .none: .none
        }
    }
}
