import Logging
import Synchronization

/// Keeps what was logged.
final class LogCapture: Sendable {
    private struct Handler: LogHandler {
        let capture: LogCapture
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            capture.store.withLock { $0.append("\(event.level): \(event.message)") }
        }
    }

    private let store = Mutex<[String]>([])

    var lines: [String] { store.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(capture: self) } }
}
