import CBench
import Glibc
import Linux

/// Writes ring records through the kernel: the BPF program of bpf/bench.bpf.c.
final class Producer: Sendable {
    // Safe: set once; a producer is used by one thread at a time, by whoever measures.
    nonisolated(unsafe) private let raw: OpaquePointer

    let capacity: Int
    var ring: Int32 { bench_producer_ring(raw) }

    /// - Parameter ring: descriptor of a ring of `capacity` bytes to write into; nil makes one.
    init(ring: Int32? = nil, capacity: Int) throws {
        // A character a byte, see Sources/EmbedObject of the root package.
        let object = embeddedObject.description.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        let loaded = object.withUnsafeBytes {
            bench_producer_load($0.baseAddress, $0.count, ring ?? -1, UInt32(capacity))
        }
        guard let loaded else {
            throw BenchmarkError("cannot load bench.bpf.c: \(Errno.last); it needs root and Linux 5.17")
        }
        self.raw = loaded
        self.capacity = capacity
    }

    deinit { bench_producer_unload(raw) }

    /// Writes exactly `count` records, the first with number `first`.
    func produce(_ pattern: bench_pattern, first: Int, count: Int) throws {
        var pattern = pattern
        let written = bench_produce(raw, &pattern, UInt64(first), UInt32(count))
        guard written == count else { throw BenchmarkError("wrote \(written) of \(count) records into the ring") }
    }

    /// Writes `total` records from another thread on `cpu` while `body` runs.
    func produce(_ pattern: bench_pattern, total: Int, cpu: Int32, during body: () -> Void) throws {
        var pattern = pattern
        guard bench_producer_start(raw, &pattern, UInt64(total), 2000, cpu) else {
            throw BenchmarkError("cannot start the producer's thread: \(Errno.last)")
        }
        body()
        let result = bench_producer_join(raw)
        guard result == 0 else { throw BenchmarkError("the producer failed: \(Errno(negated: result))") }
    }
}
