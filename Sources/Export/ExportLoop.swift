import NIOPosix

/// The one network thread of the agent, made when it is first needed. It lives as long as the process.
enum ExportLoop {
    static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
}
