import CLinux
import Glibc
import Linux
import Synchronization

/// SIGTERM and SIGINT as something to await, instead of something that interrupts.
enum TerminationSignal {
    private struct State {
        var received: Int32?
        /// Where the signals arrive, until somebody reads there.
        var pipe: Int32?
        var waiting: [UInt64: CheckedContinuation<Int32, Never>] = [:]
        var next: UInt64 = 0
    }

    private static let state = Mutex(State())

    /// Takes both signals over, for the whole process and for good; to be called once. Writes to closed sockets and
    /// terminals then fail with an error instead of ending the process, too.
    static func takeOver() {
        signal(SIGPIPE, SIG_IGN)
        let raw = martlet_termination_pipe()
        if raw >= 0 { state.withLock { $0.pipe = raw } }
    }

    /// Begins to hand the signals to those who wait, on a thread of its own; to be called once, after `takeOver`.
    static func watch() {
        guard let raw = state.withLock({ $0.pipe.take() }) else { return }
        PosixThread.start(name: "signals") {
            let pipe = FileDescriptor(owning: raw)
            while true {
                var number: UInt8 = 0
                let count = withUnsafeMutableBytes(of: &number) { try? pipe.read(into: $0) }
                guard count == 1 else { return }
                let waiting = state.withLock { state in
                    state.received = Int32(number)
                    defer { state.waiting = [:] }
                    return state.waiting.values
                }
                for continuation in waiting { continuation.resume(returning: Int32(number)) }
            }
        }
    }

    /// Returns the number of the signal that asks the process to end, at once if it came before; or SIGTERM when the
    /// calling task is cancelled. Any number of tasks may wait.
    static func wait() async -> Int32 {
        let key = state.withLock { state in
            state.next += 1
            return state.next
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let received = state.withLock { state -> Int32? in
                    if Task.isCancelled { return SIGTERM }
                    if state.received == nil { state.waiting[key] = continuation }
                    return state.received
                }
                if let received { continuation.resume(returning: received) }
            }
        } onCancel: {
            let continuation = state.withLock { $0.waiting.removeValue(forKey: key) }
            continuation?.resume(returning: SIGTERM)
        }
    }
}
