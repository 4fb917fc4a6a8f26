import Glibc
import Linux

/// A thread that is made for one piece of work and ends with it. Work that enters another namespace runs on such a
/// thread only: a thread of the pool would stay in that namespace, and the main thread must never leave its own.
enum ShortLivedThread {
    /// Runs `body` on a new thread and waits for it. Throws what `body` throws, or why no thread could be made.
    static func run<Success: ~Copyable>(
        _ body: () throws(Errno) -> Success
    ) throws(Errno) -> Success {
        var result: Result<Success, Errno>?
        try execute {
            do throws(Errno) {
                result = .success(try body())
            } catch {
                result = .failure(error)
            }
        }
        // The joined thread has set the result; a thread that ended otherwise would have ended the process.
        switch result.take() {
        case .some(let result): return try result.get()
        case .none: throw Errno(ECANCELED)
        }
    }

    private final class Job {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    private static func execute(_ body: () -> Void) throws(Errno) {
        let code = withoutActuallyEscaping(body) { body -> Int32 in
            let job = Unmanaged.passRetained(Job(body))
            defer { job.release() }
            var thread = pthread_t()
            let code = pthread_create(
                &thread, nil,
                { argument in
                    if let argument { Unmanaged<Job>.fromOpaque(argument).takeUnretainedValue().body() }
                    return nil
                }, job.toOpaque())
            // Joined before the closure's scope ends, so that `body` runs in no other time than this call's.
            return code == 0 ? pthread_join(thread, nil) : code
        }
        if code != 0 { throw Errno(code) }
    }
}
