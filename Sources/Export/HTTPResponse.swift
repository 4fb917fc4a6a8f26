import Glibc
import NIOHTTP1
import Wire

/// What of a server's answer to a POST matters.
struct HTTPResponse: Sendable {
    /// Bytes of the body that are kept.
    static let keptBody = 4096
    private static let longestReason = 256

    let status: Int
    let headers: HTTPHeaders
    /// At most `keptBody` bytes of it.
    let body: [UInt8]

    init(status: Int, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first line of the body, fit for a log.
    var reason: String {
        if headers.first(name: "Content-Type")?.hasPrefix("application/x-protobuf") == true { return statusMessage }
        return body.withUnsafeBytes { Self.line($0[...]) }
    }

    /// Seconds of the Retry-After header (RFC 9110, 10.2.3). A moment is one of the server's clock, which its answer shows too.
    var retryAfter: Int? {
        guard let text = headers.first(name: "Retry-After") else { return nil }
        if let seconds = Int(text) { return seconds }
        guard let moment = HTTPDate(text) else { return nil }
        let now = headers.first(name: "Date").flatMap { HTTPDate($0)?.seconds } ?? time(nil)
        return max(0, moment.seconds - now)
    }

    /// Samples that a receiver of remote write 2.0 says it stored.
    var samplesWritten: Int? { headers.first(name: "X-Prometheus-Remote-Write-Samples-Written").flatMap { Int($0) } }

    /// Whether VictoriaMetrics answered: it names itself to nobody else.
    var isVictoriaMetrics: Bool { headers.contains(name: "X-Server-Hostname") }

    /// Where a redirection points.
    var location: String? {
        headers.first(name: "Location").map { text in Array(text.utf8).withUnsafeBytes { Self.line($0[...]) } }
    }

    /// `google.rpc.Status` of OTLP: message 2.
    private var statusMessage: String {
        body.withUnsafeBytes { bytes in
            var reader = ProtobufReader(bytes)
            while let field = reader.next() {
                if field.number == 2, let text = field.content { return Self.line(bytes[text]) }
            }
            return ""
        }
    }

    /// The first line of `bytes`, cut and without control characters.
    static func line(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        let first = bytes.prefix(longestReason).prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        return String(decoding: first, as: UTF8.self).filter { character in
            character.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        }
    }
}
