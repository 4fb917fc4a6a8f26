import CBench
import Foundation
import Linux

/// Why logs are read by pread(2): what files that have grown since the last look cost to read, by a call each and in batches
/// through io_uring. All in the page cache.
enum FileReads {
    private static let rounds = 101

    static func run(_ directory: String) throws -> [Measurement] {
        try [(500, 100), (500, 2_500), (500, 25_000), (64, 256 << 10)].flatMap {
            try measure(files: $0.0, size: $0.1, directory)
        }
    }

    private static func measure(files count: Int, size: Int, _ directory: String) throws -> [Measurement] {
        var files: [Int32] = []
        defer { for file in files { close(file) } }
        for number in 0..<count {
            let path = "\(directory)/read-\(number)"
            let file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw BenchmarkError("no file: \(Errno.last)") }
            unlink(path)
            files.append(file)
        }
        guard let reads = bench_reads_open(files, UInt32(count), size) else {
            throw BenchmarkError("no io_uring: \(Errno.last)")
        }
        defer { bench_reads_close(reads) }
        let block = [UInt8](repeating: 0x78, count: size)
        var (calls, batches): ([Double], [Double]) = ([], [])
        for round in 0..<rounds {
            for file in files where write(file, block, size) != size { throw BenchmarkError("not written") }
            let offset = Int64(round * size)
            func time(_ body: () -> Int64) throws -> Double {
                let begin = MonotonicClock.threadCPU()
                let bytes = body()
                let end = MonotonicClock.threadCPU()
                guard bytes == Int64(count * size) else { throw BenchmarkError("\(bytes) bytes were read") }
                return Double(end - begin) / Double(count)
            }
            let byCall = { bench_reads_pread(reads, files, UInt32(count), offset) }
            let byRing = { bench_reads_ring(reads, UInt32(count), offset) }
            if round.isMultiple(of: 2) {
                calls.append(try time(byCall))
                batches.append(try time(byRing))
            } else {
                batches.append(try time(byRing))
                calls.append(try time(byCall))
            }
        }
        return [
            Measurement("pread_of_\(size)", Statistics.median(calls), "ns"),
            Measurement("io_uring_read_of_\(size)", Statistics.median(batches), "ns"),
            Measurement("io_uring_against_pread_of_\(size)", Statistics.ratio(batches, calls)),
        ]
    }
}
