import CLinux
import Glibc

/// Threads that belong to nobody's pool: lanes, and short-lived ones that enter another namespace.
public enum PosixThread {
    private final class Box {
        let body: @Sendable () -> Void
        let name: String
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Runs `body` on a new detached thread. `name` is cut to 15 bytes, the kernel's limit.
    public static func start(name: String, _ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(Box(name: name, body: body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 1 << 20)
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, &attributes,
            { raw in
                // Retained above, for this thread alone.
                guard let raw else { return nil }
                let box = Unmanaged<Box>.fromOpaque(raw).takeRetainedValue()
                martlet_name_thread(String(box.name.prefix(15)))
                box.body()
                return nil
            }, box.toOpaque())
        if failure != 0 {
            box.release()
            fatalError("cannot start thread \(name): \(Errno(failure))")
        }
    }
}
