internal import Glibc
public import Linux

/// A directory as a spool's storage. Holds its lock (flock(2)) as long as it lives: one owner at a time.
public final class DiskStorage: SpoolStorage {
    /// One open file: the one that was used last. A spool writes one segment and reads another.
    private final class Open {
        let name: String
        let file: FileDescriptor
        /// On a file system that became read-only, what is there can still be read.
        let isWritable: Bool
        init(name: String, file: consuming FileDescriptor, isWritable: Bool) {
            self.name = name
            self.file = file
            self.isWritable = isWritable
        }
    }

    private static let openLimit = 3

    private let directory: FileDescriptor
    private let lock: FileDescriptor
    private let path: String
    private var open: [Open] = []

    /// Makes the directory and its parents (mode 0750) and locks it. Throws `SpoolError.locked` while another process owns
    /// it.
    public init(_ path: String) throws(SpoolError) {
        self.path = path
        do throws(Errno) {
            try Self.makeDirectories(path)
            directory = try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY)
            lock = try directory.open(at: "lock", O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o640)
        } catch {
            throw .unusable(path: path, error)
        }
        guard flock(lock.raw, LOCK_EX | LOCK_NB) == 0 else {
            throw Errno.last == .again ? .locked(path: path) : .unusable(path: path, .last)
        }
    }

    private static func makeDirectories(_ path: String) throws(Errno) {
        var partial = path.hasPrefix("/") ? "" : "."
        for component in path.split(separator: "/") {
            partial += "/" + component
            if mkdir(partial, 0o750) != 0, errno != EEXIST { throw Errno.last }
        }
    }

    public func names() throws(Errno) -> [String] { try Directory.names(path) }

    public func size(of name: String) throws(Errno) -> Int {
        var status = stat()
        guard fstatat(directory.raw, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { throw Errno.last }
        return Int(status.st_size)
    }

    public func read(
        _ name: String, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        let entry = try entryToRead(name)
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = try entry.file.pread(into: rest, at: offset + filled)
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    public func write(_ name: String, at offset: Int, _ bytes: UnsafeRawBufferPointer) throws(Errno) {
        let entry = try entry(name, O_RDWR | O_CREAT)
        var sent = 0
        while sent < bytes.count {
            let count = pwrite(
                entry.file.raw, bytes.baseAddress.map { $0 + sent }, bytes.count - sent, off_t(offset + sent))
            if count < 0 {
                let error = Errno.last
                if error == .interrupted { continue }
                throw error
            }
            sent += count
        }
    }

    public func truncate(_ name: String, to size: Int) throws(Errno) {
        guard ftruncate(try entry(name, O_RDWR).file.raw, off_t(size)) == 0 else { throw Errno.last }
    }

    public func remove(_ name: String) throws(Errno) {
        open.removeAll { $0.name == name }
        guard unlinkat(directory.raw, name, 0) == 0 else { throw Errno.last }
    }

    public func rename(_ name: String, to other: String) throws(Errno) {
        open.removeAll { $0.name == name || $0.name == other }
        guard renameat(directory.raw, name, directory.raw, other) == 0 else { throw Errno.last }
    }

    public func synchronize(_ name: String) throws(Errno) {
        guard fdatasync(try entry(name, O_RDWR).file.raw) == 0 else { throw Errno.last }
    }

    public func synchronizeNames() throws(Errno) {
        guard fsync(directory.raw) == 0 else { throw Errno.last }
    }

    private func entry(_ name: String, _ flags: Int32) throws(Errno) -> Open {
        if let index = open.firstIndex(where: { $0.name == name }) {
            if open[index].isWritable || flags == O_RDONLY { return open[index] }
            open.remove(at: index)
        }
        let file = try directory.open(at: name, flags | O_NOFOLLOW | O_NONBLOCK, mode: 0o640)
        let made = Open(name: name, file: file, isWritable: flags != O_RDONLY)
        if open.count == Self.openLimit { open.removeFirst() }
        open.append(made)
        return made
    }

    private func entryToRead(_ name: String) throws(Errno) -> Open {
        do throws(Errno) { return try entry(name, O_RDWR) } catch {
            guard error == Errno(EROFS) else { throw error }
            return try entry(name, O_RDONLY)
        }
    }
}
