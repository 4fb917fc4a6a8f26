internal import Synchronization

/// Optional parts of the agent that are no BPF programs, and whether they run: shown as `martlet_feature_enabled`. Safe from
/// any thread; names come from the code, so that there are few.
public final class FeatureTable: Sendable {
    private let states = Mutex<[String: Bool]>([:])

    public init() {}

    public func set(_ name: String, isEnabled: Bool) { states.withLock { $0[name] = isEnabled } }

    /// All features, by name.
    public func all() -> [String: Bool] { states.withLock { $0 } }
}
