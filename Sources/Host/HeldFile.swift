import Glibc
import Linux

/// A small kernel file whose descriptor stays open between reads: `pread` at offset 0 makes the kernel render the file
/// anew, at a third of the price of open, read and close.
struct HeldFile: ~Copyable {
    enum State {
        /// Not opened yet, or it did not exist when that was tried.
        case missing
        case open
        /// It was open and the object behind it went away (`ENODEV`, as cgroup files say after rmdir).
        case gone
    }

    private(set) var state = State.missing
    private var descriptor: FileDescriptor?

    /// Opens `path` unless it is open or gone already. A failure leaves the file missing, to be tried again later.
    mutating func open(_ path: String) {
        guard state == .missing, let opened = try? FileDescriptor.open(path) else { return }
        descriptor = consume opened
        state = .open
    }

    /// One read at offset 0, which gets the whole of a cgroup file that fits `buffer`. nil if the file is not open or
    /// the read failed; the descriptor is then closed.
    mutating func read(into buffer: inout [UInt8]) -> Int? {
        guard state == .open else { return nil }
        do throws(Errno) {
            return try readOnce(into: &buffer, at: 0)
        } catch {
            descriptor = nil
            state = error == .noDevice || error == .notFound ? .gone : .missing
            return nil
        }
    }

    /// Reads the whole file into `buffer`, which grows up to `limit` bytes; what is beyond is left out. Files made of
    /// many records (diskstats) come one page at a time, so this reads until the end is told.
    mutating func readAll(into buffer: inout [UInt8], limit: Int = 1 << 22) -> Int? {
        guard state == .open else { return nil }
        var filled = 0
        while true {
            let count: Int
            do throws(Errno) {
                count = try readOnce(into: &buffer, at: filled)
            } catch {
                descriptor = nil
                state = .missing
                return nil
            }
            filled += count
            if count == 0 || filled >= limit { return filled }
            if filled == buffer.count {
                buffer.append(contentsOf: repeatElement(0, count: min(buffer.count, limit - buffer.count)))
            }
        }
    }

    private borrowing func readOnce(into buffer: inout [UInt8], at offset: Int) throws(Errno) -> Int {
        var span = buffer.mutableSpan
        return try span.withUnsafeMutableBytes { (raw) throws(Errno) -> Int in
            switch descriptor {
            case .some(let file):
                return try file.pread(into: UnsafeMutableRawBufferPointer(rebasing: raw[offset...]), at: offset)
            case .none: throw Errno(EBADF)
            }
        }
    }
}
