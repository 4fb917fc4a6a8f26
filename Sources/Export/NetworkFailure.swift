import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// Words for what network libraries throw: one line, without their type names where those say nothing.
enum NetworkFailure {
    private static let longest = 300

    static func text(_ error: any Error) -> String {
        let text =
            switch error {
            case let error as NIOConnectionError:
                if let first = error.connectionErrors.first {
                    self.text(first.error)
                } else if let resolution = error.dnsAError ?? error.dnsAAAAError {
                    "cannot resolve \(error.host): \(resolution)"
                } else {
                    "cannot connect"
                }
            case let error as IOError: String(cString: strerror(error.errnoCode))
            case ChannelError.connectTimeout(let limit): "no connection within \(limit.nanoseconds / 1_000_000) ms"
            case let error as NIOSSLError: tlsText(error)
            default: "\(error)"
            }
        return String(text.prefix(longest))
    }

    private static func tlsText(_ error: NIOSSLError) -> String {
        let text = "\(error)"
        return text.contains("CERTIFICATE_VERIFY_FAILED")
            ? "the server's certificate is not trusted or has expired; --ca-file names an authority to trust"
            : "TLS failed: \(text)"
    }
}
