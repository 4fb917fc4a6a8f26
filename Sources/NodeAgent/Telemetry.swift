import Export
import Logging

/// Pushing of logs and traces as the agent runs it.
final class Telemetry: Sendable {
    /// Nil without an endpoint.
    let logs: LogPush?
    let spans: SpanPush?
    /// The URLs, for people.
    let receivers: [String]

    /// Throws `SpoolError` where the user named a directory that cannot be used.
    init(_ configuration: Configuration, _ spools: Spools, _ logger: Logger) throws {
        var receivers: [String] = []
        if let url = configuration.logsEndpoint {
            let settings = try Self.settings(url, configuration, spools)
            receivers.append(settings.endpoint.description)
            logs = try LogPush(
                settings, spool: try spools.open("logs", family: "otlp-logs", [settings.endpoint]).first ?? nil,
                logger: logger)
        } else {
            logs = nil
        }
        if let url = configuration.tracesEndpoint {
            let settings = try Self.settings(url, configuration, spools)
            receivers.append(settings.endpoint.description)
            spans = try SpanPush(
                settings, configuration.traces, version: Version.current,
                spool: try spools.open("traces", family: "otlp-traces", [settings.endpoint]).first ?? nil,
                logger: logger)
        } else {
            spans = nil
        }
        self.receivers = receivers
    }

    private static func settings(
        _ url: String, _ configuration: Configuration, _ spools: Spools
    ) throws -> OTLPConfiguration {
        var settings = OTLPConfiguration(
            endpoint: try Export.Endpoint(url), transport: configuration.transport)
        settings.compression = configuration.otlpCompression
        settings.connections = configuration.pushShards
        // A small spool must hold many batches, so that one more always fits where there is said to be room.
        if spools.bytesPerReceiver > 0 {
            settings.batchBytes = min(settings.batchBytes, max(64 << 10, spools.bytesPerReceiver / 64))
        }
        return settings
    }

    func start() {
        logs?.start()
        spans?.start()
    }

    /// Whoever hands over logs and spans must have ended.
    func shutdown(until deadline: ContinuousClock.Instant) async {
        async let closing: Void? = logs?.shutdown(until: deadline)
        await spans?.shutdown(until: deadline)
        await closing
    }
}
