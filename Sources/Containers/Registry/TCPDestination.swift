internal import Host
internal import Metrics
internal import Network

/// What a container did with one destination: the counters of its TCP series.
///
/// An object, so that a connection reaches the counters of its destination without a look-up: changing a value inside a
/// dictionary allocates (the frames of its `_modify` coroutines), and this happens with every event.
final class TCPDestination: @unchecked Sendable {
    // Sendable because one container owns it and uses it on its lane only; a merge hands it on, on that same lane.
    let key: DestinationKey
    var successfulConnects: UInt64 = 0
    var failedConnects: UInt64 = 0
    var connectionNanoseconds: UInt64 = 0
    var activeConnections: Int = 0
    var retransmits: UInt64 = 0
    var bytesSent: UInt64 = 0
    var bytesReceived: UInt64 = 0
    /// Requests by protocol.
    var requests = RequestTable()
    /// Set where this object's counts were handed to another: that one counts on.
    var successor: TCPDestination?
    /// CLOCK_MONOTONIC of the last attempt, for garbage collection.
    var lastAttempt: UInt64 = 0
    /// Made when the destination is first shown, kept for its life.
    var labels: LabelSet?
    var failureLabels: LabelSet?

    init(key: DestinationKey) { self.key = key }

    /// The address that answers; nil for destinations that a name stands for.
    var upstream: IPAddress? { key.name == 0 ? key.actual.address : nil }

    /// A connection was established at `time` (CLOCK_MONOTONIC); 0 nanoseconds where nobody saw how long it took.
    func connected(at time: UInt64, after nanoseconds: UInt64) {
        successfulConnects += 1
        connectionNanoseconds += nanoseconds
        activeConnections += 1
        lastAttempt = time
    }

    /// Has its label sets made anew.
    func forgetLabels() {
        labels = nil
        failureLabels = nil
        requests.forgetLabels()
    }

    /// Adds the counters of the same destination of another object.
    func add(_ other: TCPDestination) {
        successfulConnects += other.successfulConnects
        failedConnects += other.failedConnects
        connectionNanoseconds += other.connectionNanoseconds
        activeConnections += other.activeConnections
        retransmits += other.retransmits
        bytesSent += other.bytesSent
        bytesReceived += other.bytesReceived
        requests.add(other.requests)
        other.successor = self
        lastAttempt = max(lastAttempt, other.lastAttempt)
    }
}
