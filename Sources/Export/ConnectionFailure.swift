import Synchronization

/// Why a client connection ended, kept for a request that comes too late to hear it from the connection itself.
final class ConnectionFailure: Sendable {
    private let first = Mutex<(any Error)?>(nil)

    /// Keeps the first error: later ones follow from it.
    func record(_ error: any Error) {
        first.withLock { $0 = $0 ?? error }
    }

    var error: any Error { first.withLock { $0 } ?? HTTPClientError.connectionClosed }
}
