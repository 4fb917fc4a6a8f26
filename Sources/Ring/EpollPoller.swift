internal import CLinux
internal import Linux

/// A poller on epoll(7), for kernels and sandboxes that refuse io_uring. Edge-triggered, as a multishot poll is.
final class EpollPoller: Poller {
    private let descriptor: FileDescriptor
    private var tokens = [UInt32](repeating: 0, count: 32)

    var name: String { "epoll" }

    init() throws(Errno) {
        let raw = martlet_epoll_create()
        guard raw >= 0 else { throw Errno.last }
        descriptor = FileDescriptor(owning: raw)
    }

    func add(_ descriptor: Int32, token: UInt32) throws(Errno) {
        guard martlet_epoll_add(self.descriptor.raw, descriptor, token) == 0 else { throw Errno.last }
    }

    func wait(timeout: UInt64, ready: (UInt32) -> Void) throws(Errno) {
        // Rounded up: a time-out of half a millisecond must not spin.
        let milliseconds = Int32(min((timeout + 999_999) / 1_000_000, 3_600_000))
        let count = martlet_epoll_wait(descriptor.raw, milliseconds, &tokens, Int32(tokens.count))
        if count < 0 {
            let error = Errno.last
            if error == .interrupted { return }
            throw error
        }
        for index in 0..<Int(count) { ready(tokens[index]) }
    }
}
