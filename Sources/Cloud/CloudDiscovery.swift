internal import Exchange
internal import Glibc
internal import Linux
internal import Synchronization

/// Finds out which cloud the node is in and what that says of it, on a thread of its own: nothing waits for it, and a
/// service that hangs delays nothing.
///
/// Invariants: a machine whose firmware names no cloud asks nobody; attempts are bounded in time and number, and end with
/// the first answer.
public final class CloudDiscovery: Sendable {
    /// What became of an attempt.
    public enum Event: Sendable {
        case found(CloudMetadata)
        /// `retryIn` is in seconds; nil after the last attempt.
        case failed(CloudProvider, reason: String, retryIn: UInt32?)
    }

    /// For all questions of one attempt, in nanoseconds.
    static let attemptTime: UInt64 = 20_000_000_000
    /// Seconds between attempts: a service that is enabled or reachable later is found within the first hour.
    static let pauses: [UInt32] = [10, 30, 60, 120, 300, 600, 1200]

    public static var firstPause: UInt32? { pauses.first }

    /// What the firmware names.
    public let provider: CloudProvider?
    private let overrides: CloudMetadata
    private let current: Mutex<CloudMetadata>

    /// - Parameters:
    ///   - overrides: what the user says; its parts win over the cloud's.
    ///   - isEnabled: without it neither firmware nor services are asked.
    ///   - root: where `/sys` is, for tests.
    public init(overrides: CloudMetadata, isEnabled: Bool, root: String = "") {
        provider = isEnabled ? CloudProvider.detect(root: root) : nil
        self.overrides = overrides
        current = Mutex((provider.map { CloudMetadata($0) } ?? CloudMetadata()).overridden(by: overrides))
    }

    /// What is known by now.
    public var metadata: CloudMetadata { current.withLock { $0 } }

    /// Whether the labels of containers are certain from the start: no answer can change them.
    public var isPlacementKnown: Bool { provider == nil || !overrides.placementLabels.isEmpty }

    /// Asks in the background. `report` is called on the discovery's thread.
    public func start(_ report: @escaping @Sendable (Event) -> Void) {
        guard let provider else { return }
        PosixThread.start(name: "cloud") { self.run(provider, report) }
    }

    private func run(_ provider: CloudProvider, _ report: (Event) -> Void) {
        for attempt in 0...Self.pauses.count {
            do throws(ExchangeError) {
                let found = try provider.read(deadline: MonotonicClock.now() + Self.attemptTime)
                    .overridden(by: overrides)
                current.withLock { $0 = found }
                return report(.found(found))
            } catch {
                let pause = attempt < Self.pauses.count ? Self.pauses[attempt] : nil
                report(.failed(provider, reason: "\(error)", retryIn: pause))
                if let pause { sleep(pause) }
            }
        }
    }
}
