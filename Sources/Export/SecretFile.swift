import Glibc
import Synchronization

/// A file whose first line is a secret. It is read again as soon as another file is in its place or its content changed, as it
/// is when a token is renewed.
public final class SecretFile: Sendable {
    /// What tells one content from another without reading it.
    private struct Stamp: Equatable {
        var device: UInt
        var inode: UInt
        var size: Int
        var seconds: Int
        var nanoseconds: Int
    }

    private struct Content {
        var stamp: Stamp
        var text: String
    }

    /// Longest secret in bytes.
    private static let longest = 64 << 10

    public let path: String
    private let content = Mutex<Content?>(nil)

    public init(_ path: String) { self.path = path }

    /// The secret as it is now.
    public func text() throws(SecretFileError) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { throw failure(String(cString: strerror(errno))) }
        let stamp = Stamp(
            device: UInt(status.st_dev), inode: UInt(status.st_ino), size: Int(status.st_size),
            seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
        if let known = content.withLock(\.self), known.stamp == stamp { return known.text }
        let text = try read()
        content.withLock { $0 = Content(stamp: stamp, text: text) }
        return text
    }

    private func read() throws(SecretFileError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.longest)
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(String(cString: strerror(errno))) }
            if count == 0 { break }
            filled += count
        }
        let line = bytes.prefix(filled).prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        guard !line.isEmpty else { throw failure("its first line is empty") }
        guard line.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
            throw failure("its first line has control characters or bytes that are not ASCII")
        }
        return String(decoding: line, as: UTF8.self)
    }

    private func failure(_ reason: String) -> SecretFileError { SecretFileError(path: path, reason: reason) }
}
