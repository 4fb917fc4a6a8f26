internal import CMemory
internal import Glibc
internal import Linux

/// Bounded reads from a file that may be anything: what is not there reads as absent, and nothing traps.
struct ByteReader: ~Copyable {
    private let file: FileDescriptor
    /// Bytes of the file when it was opened; it may shrink later.
    let size: UInt64

    /// Takes a regular file; nil for anything else.
    init?(_ file: consuming FileDescriptor) {
        var status = stat()
        guard fstat(file.raw, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0 else { return nil }
        self.file = file
        size = UInt64(status.st_size)
    }

    /// As many bytes as there are from `offset` on, at most `count`.
    func bytes(at offset: UInt64, count: Int) -> [UInt8] {
        guard count > 0, offset < size, let start = Int(exactly: offset) else { return [] }
        let wanted = Int(min(UInt64(count), size - offset))
        var filled = 0
        return [UInt8](unsafeUninitializedCapacity: wanted) { buffer, initialized in
            while filled < wanted {
                let rest = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[filled...]))
                guard let got = try? file.pread(into: rest, at: start &+ filled), got > 0 else { break }
                filled += got
            }
            initialized = filled
        }
    }

    /// Gives `body` a part of the file in windows of 64 KiB, each with the last `overlap` bytes of the one before, until it
    /// returns false. The position is that of the window's first byte in the part.
    func windows(at offset: UInt64, count: UInt64, overlap: Int, _ body: ([UInt8], UInt64) -> Bool) {
        let window = 65_536
        var position: UInt64 = 0
        while position < count {
            let (start, isBeyond) = offset.addingReportingOverflow(position)
            if isBeyond { return }
            let bytes = bytes(at: start, count: Int(min(UInt64(window), count - position)))
            if bytes.isEmpty || !body(bytes, position) { return }
            if position + UInt64(bytes.count) >= count || bytes.count <= overlap { return }
            position += UInt64(bytes.count - overlap)
        }
    }
}

extension [UInt8] {
    /// A little-endian number of `size` bytes; nil where the bytes end before.
    func number(at offset: Int, size: Int) -> UInt64? {
        guard offset >= 0, size <= 8, offset <= count - size else { return nil }
        var value: UInt64 = 0
        for index in 0..<size { value |= UInt64(self[offset + index]) << UInt64(8 * index) }
        return value
    }

    /// Where `pattern` begins at or after `start`.
    func firstIndex(of pattern: [UInt8], from start: Int) -> Int? {
        guard !pattern.isEmpty, start >= 0, start < count else { return nil }
        return withUnsafeBytes { bytes in
            pattern.withUnsafeBytes { wanted in
                guard let base = bytes.baseAddress, let first = wanted.baseAddress,
                    let found = martlet_find(base + start, bytes.count - start, first, wanted.count)
                else { return nil }
                return found - base
            }
        }
    }
}
