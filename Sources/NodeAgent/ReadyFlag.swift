import Synchronization

/// Whether the start-up scan is done: what `/readyz` answers.
final class ReadyFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    /// Acquiring pairs with the release in `set`, though the flag guards no other memory.
    var isSet: Bool { flag.load(ordering: .acquiring) }

    func set() { flag.store(true, ordering: .releasing) }
}
