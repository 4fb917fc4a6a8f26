import Export
import Logging
import Ring
import Spool

/// The spools of all receivers and the thread on which their files are used. Each receiver has an equal share of what all may
/// hold together.
final class Spools: Sendable {
    private let configuration: Configuration
    private let lane: Lane
    private let share: Int
    private let logger: Logger

    /// Bytes of one receiver's requests on disk, at most; 0 where all wait in memory only.
    var bytesPerReceiver: Int { share }

    init(_ configuration: Configuration, _ logger: Logger) throws {
        self.configuration = configuration
        self.logger = logger
        let receivers =
            configuration.metricsEndpoints.count + (configuration.logsEndpoint == nil ? 0 : 1)
            + (configuration.tracesEndpoint == nil ? 0 : 1)
        share = configuration.maximumSpoolBytes / max(1, receivers)
        lane = try Lane(name: "spool", backend: .epoll)
        try lane.start()
    }

    /// Ends the thread; all that pushes must have been shut down.
    func stop() { lane.stop() }

    /// A spool for each receiver of a signal, in their order; nil where requests wait in memory only. Throws where the user named
    /// a directory that cannot be used; the default one is done without then.
    ///
    /// - Parameters:
    ///   - name: of the directory.
    ///   - family: what the URLs take; a receiver takes over what waits for another one of its family that no option names.
    func open(_ name: String, family: String, _ endpoints: [Export.Endpoint]) throws(SpoolError) -> [Spool?] {
        guard share > 0 else { return [] }
        let settings = SpoolConfiguration(maximumBytes: share, durability: configuration.spoolDurability)
        let directories = SpoolDirectories(
            below: configuration.walDirectory + "/martlet", name: name,
            owners: endpoints.map { "\(family) \($0.description)" })
        for directory in directories.abandoned {
            logger.warning(
                """
                \(directory.path) holds requests for \(directory.owner), which no option names any more: name it again to \
                have them sent, or remove the directory
                """)
        }
        var spools: [Spool?] = []
        for directory in directories.assigned {
            do throws(SpoolError) {
                let spool = try Spool(directory: directory.path, settings, executor: lane)
                let aside = spool.statistics.asideFiles
                if aside > 0 {
                    logger.error(
                        """
                        \(aside) files in \(directory.path) are damaged or of another version: moved aside, look for \
                        *.aside there; what they hold is not sent
                        """)
                }
                spools.append(spool)
                directory.mark()
            } catch {
                guard !configuration.walDirectoryIsExplicit else { throw error }
                logger.warning("requests that cannot be sent wait in memory only: \(error)")
                spools.append(nil)
            }
        }
        return spools
    }
}
