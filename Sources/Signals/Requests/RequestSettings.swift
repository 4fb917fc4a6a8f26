public import Containers
public import Protocols

/// What is done with requests: the same for all connections.
public final class RequestSettings {
    /// What connections are read for.
    public let parsing: ParsingOptions
    private let excludes: (@Sendable (UnsafeRawBufferPointer) -> Bool)?

    /// - Parameters:
    ///   - wantsText: whether somebody beside the metrics takes requests.
    ///   - excludes: whether requests with this HTTP path are left out; nil leaves none out.
    public init(wantsText: Bool = false, excludes: (@Sendable (UnsafeRawBufferPointer) -> Bool)? = nil) {
        parsing = ParsingOptions(wantsText: wantsText || excludes != nil)
        self.excludes = excludes
    }

    func report(
        _ exchange: Exchange, _ text: borrowing RequestText, of target: RequestTarget, connection: UInt64, isTLS: Bool
    ) {
        if isExcluded(exchange, text) { return }
        Self.count(exchange, text, target)
    }

    private func isExcluded(_ exchange: Exchange, _ text: borrowing RequestText) -> Bool {
        guard let excludes, exchange.applicationProtocol == .http1 || exchange.applicationProtocol == .http2,
            let target = text.first(.target)
        else { return false }
        return text.withBytes(target) { excludes($0) }
    }

    private static func count(_ exchange: Exchange, _ text: borrowing RequestText, _ target: RequestTarget) {
        // Safe: the container lives on the lane that this runs on, which `assumeIsolated` checks; nobody keeps the text.
        nonisolated(unsafe) let text = copy text
        target.container.assumeIsolated { $0.count(exchange, text, of: target) }
    }
}
