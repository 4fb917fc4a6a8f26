import Wire

/// Chooses format and compression from what a client accepts (RFC 9110, section 12.5).
enum Negotiation {
    /// One element of an Accept header.
    private struct Choice {
        /// Lower case, without parameters.
        let value: String
        let version: String?
        /// 0 to 1; 0 forbids.
        let quality: Double
    }

    /// OpenMetrics if the client wants it at least as much as plain text, which everybody else gets.
    static func format(accept: String?) -> TextFormat {
        guard let accept else { return .prometheus004 }
        var openMetrics = 0.0
        var text: [String: Double] = [:]
        for choice in choices(accept) {
            switch choice.value {
            case "application/openmetrics-text":
                if choice.version == nil || choice.version == "1.0.0" { openMetrics = max(openMetrics, choice.quality) }
            case "text/plain", "text/*", "*/*":
                text[choice.value] = max(text[choice.value] ?? 0, choice.quality)
            default: break
            }
        }
        // The most specific range counts.
        let plain = text["text/plain"] ?? text["text/*"] ?? text["*/*"] ?? 0
        return openMetrics > 0 && openMetrics >= plain ? .openMetrics1 : .prometheus004
    }

    /// Of the codings that the client likes most, zstd before gzip before none; nil if it forbids all of them.
    static func coding(acceptEncoding: String?) -> ContentCoding? {
        guard let acceptEncoding else { return .identity }
        var named: [String: Double] = [:]
        for choice in choices(acceptEncoding) { named[choice.value] = choice.quality }
        if let old = named["x-gzip"], named["gzip"] == nil { named["gzip"] = old }

        var best: ContentCoding?
        var bestQuality = 0.0
        for coding in [ContentCoding.zstd, .gzip] {
            let quality = named[coding.rawValue] ?? named["*"] ?? 0
            if quality > bestQuality {
                best = coding
                bestQuality = quality
            }
        }
        // Not naming "identity" allows it, as the last resort.
        if let quality = named["identity"] {
            return quality > bestQuality ? .identity : best
        }
        return best ?? (named["*"] == 0 ? nil : .identity)
    }

    private static func choices(_ header: String) -> [Choice] {
        header.split(separator: ",").map { element in
            let parts = element.split(separator: ";", omittingEmptySubsequences: false).map { trimmed($0).lowercased() }
            var version: String?
            var quality = 1.0
            for parameter in parts.dropFirst() {
                guard let equals = parameter.firstIndex(of: "=") else { continue }
                let value = trimmed(parameter[parameter.index(after: equals)...])
                switch trimmed(parameter[..<equals]) {
                case "q":
                    let number = Double(String(value)) ?? 0
                    quality = number.isFinite ? min(max(number, 0), 1) : 0
                case "version": version = value.filter { $0 != "\"" }
                default: break
                }
            }
            return Choice(value: parts.first ?? "", version: version, quality: quality)
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
