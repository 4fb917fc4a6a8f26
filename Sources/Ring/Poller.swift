internal import Linux

/// What a lane sleeps on: descriptors that become readable, and a time-out.
///
/// Used by one thread only, the lane's. A descriptor must stay open until it is removed.
protocol Poller: AnyObject {
    /// The mechanism's name, for the log and for tests: `io_uring` or `epoll`.
    var name: String { get }

    /// Reports `token` from `wait` whenever `descriptor` becomes readable.
    func add(_ descriptor: Int32, token: UInt32) throws(Errno)

    /// Sleeps until something is readable or `timeout` nanoseconds are over, and calls `ready` for each token.
    func wait(timeout: UInt64, ready: (UInt32) -> Void) throws(Errno)
}
