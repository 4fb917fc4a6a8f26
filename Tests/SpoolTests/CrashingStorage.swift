import Glibc
import Linux

@testable import Spool

/// Files in memory that know what a crash would leave of them.
final class CrashingStorage: SpoolStorage {
    private struct File {
        var bytes: [UInt8] = []
        /// What a power failure cannot take any more.
        var durable: [UInt8] = []
    }

    private var files: [String: File] = [:]
    /// The directory as it is on the disk.
    private var durableNames: [String: File] = [:]
    /// Calls that fail from now on, by name of the operation.
    var failing: [String: Errno] = [:]

    func names() throws(Errno) -> [String] { Array(files.keys) }

    func size(of name: String) throws(Errno) -> Int {
        guard let file = files[name] else { throw .notFound }
        return file.bytes.count
    }

    func read(_ name: String, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        if let error = failing["read"] { throw error }
        guard let file = files[name] else { throw .notFound }
        guard offset < file.bytes.count else { return 0 }
        let part = file.bytes[offset..<min(offset + buffer.count, file.bytes.count)]
        buffer.copyBytes(from: part)
        return part.count
    }

    func write(_ name: String, at offset: Int, _ bytes: UnsafeRawBufferPointer) throws(Errno) {
        if let error = failing["write"] {
            // A full disk takes a part.
            put(name, offset, Array(bytes.prefix(bytes.count / 2)))
            throw error
        }
        put(name, offset, Array(bytes))
    }

    private func put(_ name: String, _ offset: Int, _ bytes: [UInt8]) {
        var file = files[name] ?? File()
        if file.bytes.count < offset + bytes.count {
            file.bytes += [UInt8](repeating: 0, count: offset + bytes.count - file.bytes.count)
        }
        file.bytes.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        files[name] = file
    }

    func truncate(_ name: String, to size: Int) throws(Errno) {
        if let error = failing["truncate"] { throw error }
        guard var file = files[name] else { throw .notFound }
        file.bytes.removeLast(max(0, file.bytes.count - size))
        files[name] = file
    }

    func remove(_ name: String) throws(Errno) { files[name] = nil }

    func rename(_ name: String, to other: String) throws(Errno) {
        files[other] = files.removeValue(forKey: name)
    }

    func synchronize(_ name: String) throws(Errno) {
        if let error = failing["synchronize"] { throw error }
        guard var file = files[name] else { throw .notFound }
        file.durable = file.bytes
        files[name] = file
    }

    func synchronizeNames() throws(Errno) { durableNames = files }

    // MARK: Faults

    /// The process is killed in the middle of a write: everything stays, and half of a record may stand at the end.
    func kill(leaving torn: [UInt8]) {
        failing = [:]
        guard let last = files.keys.filter({ $0.hasSuffix(".seg") }).max() else { return }
        files[last]?.bytes += torn
    }

    /// The power fails: what was not made durable is there whole, in part, as zeros, or not at all.
    func powerFailure(using generator: inout some RandomNumberGenerator) {
        failing = [:]
        // A name that was not made durable may or may not be there.
        for name in Array(files.keys) where durableNames[name] == nil && Bool.random(using: &generator) {
            files[name] = nil
        }
        for (name, file) in durableNames where files[name] == nil && Bool.random(using: &generator) {
            files[name] = file
        }
        for (name, file) in files {
            var bytes = file.durable
            if file.bytes.count > bytes.count {
                let extra = Array(file.bytes[bytes.count...])
                let kept = Int.random(in: 0...extra.count, using: &generator)
                bytes += Bool.random(using: &generator) ? extra[..<kept] : [UInt8](repeating: 0, count: kept)[...]
            }
            files[name] = File(bytes: bytes, durable: bytes)
        }
        durableNames = files
    }

    /// Changes, removes or inserts bytes somewhere in a file whose name ends in `suffix`.
    func damage(_ suffix: String, using generator: inout some RandomNumberGenerator) {
        guard let name = files.keys.filter({ $0.hasSuffix(suffix) }).sorted().randomElement(using: &generator),
            var bytes = files[name]?.bytes, !bytes.isEmpty
        else { return }
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[index] ^= UInt8.random(in: 1...255, using: &generator)
        case 1: bytes.removeSubrange(index..<min(bytes.count, index + Int.random(in: 1...40, using: &generator)))
        case 2: bytes.removeSubrange(index...)
        default:
            bytes.insert(contentsOf: (0..<9).map { _ in UInt8.random(in: 0...255, using: &generator) }, at: index)
        }
        files[name]?.bytes = bytes
        files[name]?.durable = bytes
    }

    var segmentCount: Int { files.keys.filter { $0.hasSuffix(".seg") }.count }
    func bytes(of name: String) -> [UInt8]? { files[name]?.bytes }
    func set(_ name: String, _ bytes: [UInt8]) { files[name] = File(bytes: bytes, durable: bytes) }
}
