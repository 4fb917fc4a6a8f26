internal import Glibc
internal import Linux

/// How far all sources were read, in one small file that is replaced as a whole (rename(2)): it survives the end of the agent, however
/// that comes; a node that loses power may keep an older one, and then lines are repeated.
///
/// Text, a line for each file: key, device, inode, bytes and hash of the fingerprint, offset, time of the last write, time when it
/// was last followed (seconds); one with the time of writing; the last has the number of those before it. Bounded: `mostEntries`.
struct Checkpoint {
    struct Entry {
        var positions: [FilePosition]
        /// Seconds since the Unix epoch.
        var seen: UInt64
    }

    private static let head = "martlet-logs 1"
    private static let mostEntries = 50_000
    private static let sizeLimit = 64 << 20
    /// How long a log is remembered that nobody follows.
    static let lifetime: UInt64 = 86_400

    var files: [String: Entry] = [:]
    /// Cursors of journals, by directory.
    var cursors: [String: String] = [:]
    /// When it was written, in nanoseconds since the Unix epoch; 0 if it was not, or does not say so.
    var savedAt: UInt64 = 0

    // MARK: Reading

    /// The file at `path`; empty if there is none, or if it is not whole, or another user's.
    static func load(_ path: String) -> Checkpoint {
        var checkpoint = Checkpoint()
        var status = stat()
        guard let file = try? FileDescriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
            fstat(file.raw, &status) == 0,
            status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(),
            let bytes = try? SmallFile.bytes(of: file, limit: sizeLimit)
        else { return checkpoint }
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        guard let first = lines.first, first.elementsEqual(head.utf8), let last = lines.last,
            last.elementsEqual("end \(lines.count - 2)".utf8)
        else { return checkpoint }
        for line in lines.dropFirst().dropLast() { checkpoint.read(line) }
        return checkpoint
    }

    private mutating func read(_ line: ArraySlice<UInt8>) {
        let fields = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
        if fields.count == 3, fields[0] == "journal" {
            cursors[Self.unescaped(fields[1])] = Self.unescaped(fields[2])
            return
        }
        if fields.count == 2, fields[0] == "saved", let time = UInt64(fields[1]) {
            savedAt = time
            return
        }
        guard fields.count == 9, fields[0] == "file", let device = UInt64(fields[2]), let inode = UInt64(fields[3]),
            let length = Int(fields[4]), 0...Fingerprint.longest ~= length, let hash = UInt64(fields[5], radix: 16),
            let offset = UInt64(fields[6]), offset < 1 << 62, let modified = UInt64(fields[7]),
            let seen = UInt64(fields[8])
        else { return }
        let position = FilePosition(
            identity: FileStatus.Identity(device: device, inode: inode),
            fingerprint: Fingerprint(length: length, hash: hash), offset: offset, modified: modified)
        files[Self.unescaped(fields[1]), default: Entry(positions: [], seen: seen)].positions.append(position)
    }

    // MARK: Writing

    /// Forgets what was not followed for long.
    mutating func expire(now: UInt64) {
        files = files.filter { $0.value.seen &+ Self.lifetime > now }
        while files.count > Self.mostEntries, let any = files.first { files[any.key] = nil }
    }

    /// - Parameter time: nanoseconds since the Unix epoch.
    mutating func save(_ path: String, at time: UInt64) throws(Errno) {
        savedAt = time
        let text = text()
        let temporary = path + ".new"
        if unlink(temporary) != 0, Errno.last == .notFound { Self.makeDirectories(of: path) }
        let file = try FileDescriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o640)
        let failure = text.withUnsafeBytes { bytes -> Errno? in
            var written = 0
            while written < bytes.count {
                let count = Glibc.write(file.raw, bytes.baseAddress.map { $0 + written }, bytes.count - written)
                if count < 0 {
                    let error = Errno.last
                    if error == .interrupted { continue }
                    return error
                }
                written += count
            }
            return nil
        }
        if let failure { throw failure }
        guard rename(temporary, path) == 0 else { throw Errno.last }
    }

    /// Byte by byte: many times a second of many files.
    private func text() -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(64 + 192 * files.count)
        text += Self.head.utf8
        text.append(UInt8(ascii: "\n"))
        var lines: UInt64 = 0
        for (key, entry) in files {
            for position in entry.positions {
                text += "file ".utf8
                Self.append(name: key, to: &text)
                Self.append(position.identity.device, 10, to: &text)
                Self.append(position.identity.inode, 10, to: &text)
                Self.append(UInt64(position.fingerprint.length), 10, to: &text)
                Self.append(position.fingerprint.hash, 16, to: &text)
                Self.append(position.offset, 10, to: &text)
                Self.append(position.modified, 10, to: &text)
                Self.append(entry.seen, 10, to: &text)
                text.append(UInt8(ascii: "\n"))
                lines += 1
            }
        }
        for (key, cursor) in cursors {
            text += "journal \(Self.escaped(key)) \(Self.escaped(cursor))\n".utf8
            lines += 1
        }
        text += "saved \(savedAt)\nend \(lines + 1)\n".utf8
        return text
    }

    /// A blank and a number.
    private static func append(_ number: UInt64, _ radix: UInt64, to text: inout [UInt8]) {
        text.append(UInt8(ascii: " "))
        let start = text.count
        var rest = number
        repeat {
            let digit = UInt8(rest % radix)
            text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit)
            rest /= radix
        } while rest > 0
        text[start...].reverse()
    }

    private static func append(name: String, to text: inout [UInt8]) {
        let start = text.count
        text.append(contentsOf: name.utf8)
        let isPlain = text[start...].allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "%") }
        if isPlain { return }
        text.removeLast(text.count - start)
        text += escaped(name).utf8
    }

    /// A failure shows when the file is opened.
    private static func makeDirectories(of path: String) {
        var partial = path.hasPrefix("/") ? "" : "."
        for component in path.split(separator: "/").dropLast() {
            partial += "/" + component
            _ = mkdir(partial, 0o750)
        }
    }

    /// Without blanks and line ends.
    private static func escaped(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "%") }) { return text }
        let digits = Array("0123456789abcdef".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "%") {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func unescaped(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        var bytes: [UInt8] = []
        let source = Array(text.utf8)
        var index = 0
        while index < source.count {
            if source[index] == UInt8(ascii: "%"), index + 2 < source.count,
                let value = UInt8(String(decoding: source[index + 1...index + 2], as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                index += 3
            } else {
                bytes.append(source[index])
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
