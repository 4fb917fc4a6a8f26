import Glibc

/// Whole-file reads of small kernel and state files, always bounded.
public enum SmallFile {
    /// Reads at most `limit` bytes of `path`. A longer file throws `EFBIG`.
    public static func bytes(_ path: String, limit: Int = 1 << 20) throws(Errno) -> [UInt8] {
        let file = try FileDescriptor.open(path)
        return try bytes(of: file, limit: limit)
    }

    /// Reads from the current position of `file` to its end, at most `limit` bytes.
    public static func bytes(of file: borrowing FileDescriptor, limit: Int = 1 << 20) throws(Errno) -> [UInt8] {
        var result = [UInt8]()
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count: Int
            do {
                count = try chunk.withUnsafeMutableBytes { try file.read(into: $0) }
            } catch let error as Errno {
                throw error
            } catch {
                throw Errno(EIO)
            }
            if count == 0 { return result }
            guard result.count + count <= limit else { throw .tooLarge }
            result.append(contentsOf: chunk[..<count])
            if count == chunk.count, chunk.count < 65536 {
                chunk = [UInt8](repeating: 0, count: chunk.count * 4)
            }
        }
    }

    /// The file as text, invalid UTF-8 repaired, trailing white space removed.
    public static func text(_ path: String, limit: Int = 1 << 20) throws(Errno) -> String {
        var content = try bytes(path, limit: limit)
        while let last = content.last, last == 10 || last == 32 || last == 13 || last == 0 { content.removeLast() }
        return String(decoding: content, as: UTF8.self)
    }

    /// The target of a symbolic link (readlink(2)).
    public static func link(_ path: String) throws(Errno) -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        guard count >= 0 else { throw Errno.last }
        return String(decoding: buffer[..<count].lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
