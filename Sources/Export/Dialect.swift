/// What one receiver understands, as far as its answers tell: which protocol and which compression requests to it get.
///
/// Only what the protocol's specification demands of every receiver is taken for granted (snappy for remote write, gzip for
/// OTLP). Anything else is dropped for a day as soon as the receiver refuses it.
struct Dialect {
    /// How long a refusal counts; then the refused form is tried again.
    static let memory: Duration = .seconds(24 * 3600)

    private let wanted: RequestFormat
    private let compression: PushCompression
    /// Whether an answer said that VictoriaMetrics made it, whose remote write takes zstd in newer versions.
    private var isVictoriaMetrics = false
    /// Forms that the receiver took.
    private var proven: Set<Packaging> = []
    private var refusedProtocolUntil: ContinuousClock.Instant?
    private var refusedCodingUntil: ContinuousClock.Instant?

    init(_ wanted: RequestFormat, _ compression: PushCompression) {
        self.wanted = wanted
        self.compression = compression
    }

    /// The form of the next request.
    func packaging(now: ContinuousClock.Instant = .now) -> Packaging {
        let isProtocolRefused = refusedProtocolUntil.map { now < $0 } ?? false
        let format = wanted == .remoteWrite2 && isProtocolRefused ? RequestFormat.remoteWrite : wanted
        let isCodingRefused = refusedCodingUntil.map { now < $0 } ?? false
        return Packaging(
            format: format, coding: isCodingRefused ? Self.certain(format) : preferred(format))
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
        let certain = Self.certain(packaging.format)
        if packaging.coding != certain {
            refusedCodingUntil = now + Self.memory
            return Packaging(format: packaging.format, coding: certain)
        }
        guard packaging.format == .remoteWrite2 else { return nil }
        refusedProtocolUntil = now + Self.memory
        return Packaging(format: .remoteWrite, coding: Self.certain(.remoteWrite))
    }

    /// What every receiver of the protocol must take.
    private static func certain(_ format: RequestFormat) -> RequestCoding {
        format.isOTLP ? .gzip : .snappy
    }

    private func preferred(_ format: RequestFormat) -> RequestCoding {
        switch compression {
        case .auto: !format.isOTLP && isVictoriaMetrics ? .zstd : Self.certain(format)
        case .snappy: .snappy
        case .zstd: .zstd
        case .gzip: .gzip
        case .none: .none
        }
    }
}
