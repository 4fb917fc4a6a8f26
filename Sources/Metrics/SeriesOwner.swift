/// What a limit counts series of: a container, or the node with the agent itself.
struct SeriesOwner {
    /// The container's id; empty for the node.
    let id: String
    /// Entries in the table, those that are cut included.
    var entries = 0
    /// How many of its series may be shown, as of the last snapshot.
    var cap: Int
    /// Series of this snapshot that are shown.
    var live = 0
    /// Series of this snapshot that are cut, and those that did not even get an entry.
    var held = 0
    var unknown = 0
    /// Whether this snapshot has to cut or to give back series of it.
    var isUnbalanced = false

    /// What would be shown without limits.
    var demand: Int { live + held + unknown }

    init(id: String, cap: Int) {
        self.id = id
        self.cap = cap
    }

    /// How many series it is shown before those that were cut come back; the rest is for new ones, so that a series is not cut
    /// and given back by turns.
    var returnLimit: Int { cap - (cap + 9) / 10 }
}
