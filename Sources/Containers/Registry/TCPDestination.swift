internal import Metrics

/// What a container did with one destination: the counters of its TCP series.
struct TCPDestination {
    let endpoint: Endpoint
    var successfulConnects: UInt64 = 0
    var failedConnects: UInt64 = 0
    var connectionNanoseconds: UInt64 = 0
    var activeConnections: Int = 0
    var retransmits: UInt64 = 0
    var bytesSent: UInt64 = 0
    var bytesReceived: UInt64 = 0
    /// CLOCK_MONOTONIC of the last attempt, for garbage collection.
    var lastAttempt: UInt64 = 0
    /// Made when the destination is first shown, kept for its life.
    var labels: LabelSet?
    var failureLabels: LabelSet?

    init(endpoint: Endpoint) { self.endpoint = endpoint }

    /// Adds the counters of the same destination of another object.
    mutating func add(_ other: TCPDestination) {
        successfulConnects += other.successfulConnects
        failedConnects += other.failedConnects
        connectionNanoseconds += other.connectionNanoseconds
        activeConnections += other.activeConnections
        retransmits += other.retransmits
        bytesSent += other.bytesSent
        bytesReceived += other.bytesReceived
        lastAttempt = max(lastAttempt, other.lastAttempt)
    }
}
