import Glibc
import Linux

/// The beginning of a file, or of standard input: at most `limit` bytes are read, whatever the file is.
struct BoundedInput {
    static let limit = 16 << 20

    let bytes: [UInt8]
    /// Whether there was more.
    let isCut: Bool

    /// - Parameter path: `-` is standard input.
    /// - Throws: the error of the system call that failed.
    init(_ path: String) throws(Errno) {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { throw Errno(errno) }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var (bytes, block) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
        while bytes.count <= Self.limit {
            let count = block.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw Errno(errno) }
            if count == 0 { break }
            bytes.append(contentsOf: block[..<count])
        }
        isCut = bytes.count > Self.limit
        self.bytes = isCut ? Array(bytes[..<Self.limit]) : bytes
    }
}
