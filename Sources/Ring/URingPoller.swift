internal import CURing
internal import Glibc
internal import Linux

/// A poller on io_uring: one multishot poll request per descriptor, no system call to re-arm (Linux 5.13).
final class URingPoller: Poller {
    private let ring: OpaquePointer
    private var tokens = [UInt32](repeating: 0, count: 32)
    private var descriptors: [UInt32: Int32] = [:]

    var name: String { "io_uring" }

    /// Must be called on the thread that will wait: the ring is bound to it.
    ///
    /// Throws `EPERM` or `ENOSYS` where io_uring is forbidden (seccomp, `kernel.io_uring_disabled`).
    init() throws(Errno) {
        var made: OpaquePointer?
        let result = martlet_uring_create(&made)
        guard result == 0, let made else { throw Errno(negated: result) }
        ring = made
    }

    deinit { martlet_uring_destroy(ring) }

    func add(_ descriptor: Int32, token: UInt32) throws(Errno) {
        descriptors[token] = descriptor
        try arm(descriptor, token)
    }

    func wait(timeout: UInt64, ready: (UInt32) -> Void) throws(Errno) {
        let count = martlet_uring_wait(ring, timeout, &tokens, UInt32(tokens.count))
        if count < 0 { throw Errno(negated: count) }
        for index in 0..<Int(count) {
            let token = tokens[index] & ~MARTLET_URING_ENDED
            ready(token)
            if tokens[index] & MARTLET_URING_ENDED != 0, let descriptor = descriptors[token] {
                try arm(descriptor, token)
            }
        }
    }

    private func arm(_ descriptor: Int32, _ token: UInt32) throws(Errno) {
        let result = martlet_uring_poll(ring, descriptor, token)
        if result < 0 { throw Errno(negated: result) }
    }
}
