internal import Synchronization

/// A spool on disk, for senders that live elsewhere.
///
/// All file work happens on the executor that it is given, whose thread may block on a slow disk: nobody else should
/// depend on that thread.
public actor Spool {
    private let executor: any SerialExecutor
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private nonisolated let configuration: SpoolConfiguration
    private var log: SpoolLog
    private let published: Mutex<SpoolStatistics>

    /// Locks and opens the spool in `directory`, which is made if need be. Blocks its caller for that.
    public init(
        directory: String, _ configuration: SpoolConfiguration, executor: any SerialExecutor
    ) throws(SpoolError) {
        self.executor = executor
        let log = try SpoolLog(DiskStorage(directory), configuration)
        published = Mutex(log.statistics)
        isEmptyAtStart = log.isEmpty
        self.log = log
        self.configuration = configuration
    }

    /// Whether `bytes` more can be appended, and as much as two segments beside, before anything gives way.
    public nonisolated func hasRoom(for bytes: Int) -> Bool {
        statistics.bytes + bytes + 2 * configuration.segmentBytes <= configuration.maximumBytes
    }

    /// Whether nothing waited when the spool was opened.
    public nonisolated let isEmptyAtStart: Bool

    /// What it holds and lost, as of its last use.
    public nonisolated var statistics: SpoolStatistics { published.withLock { $0 } }

    /// Appends one record and returns its sequence; see `SpoolLog.append`.
    public func append(_ payload: [UInt8], items: Int, kind: UInt32 = 0, isHeld: Bool = false) throws(SpoolError)
        -> UInt64
    {
        defer { publish() }
        let result = payload.withUnsafeBytes { bytes -> Result<UInt64, SpoolError> in
            do throws(SpoolError) {
                return .success(try log.append(bytes, items: UInt32(clamping: items), kind: kind, isHeld: isHeld))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// The next record that was not taken yet; see `SpoolLog.takeNext`.
    public func takeNext() throws(SpoolError) -> SpoolRecord? {
        defer { publish() }
        return try log.takeNext()
    }

    /// The oldest record that is not acknowledged; not to be mixed with `takeNext`.
    public func peek() throws(SpoolError) -> SpoolRecord? {
        defer { publish() }
        return try log.peek()
    }

    /// Everything up to `sequence` has arrived.
    public func acknowledge(_ sequence: UInt64) throws(SpoolError) {
        defer { publish() }
        try log.acknowledge(sequence)
    }

    /// Makes everything durable.
    public func synchronize() throws(SpoolError) { try log.synchronize() }

    private func publish() {
        let statistics = log.statistics
        published.withLock { $0 = statistics }
    }
}
