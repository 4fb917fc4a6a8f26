import Glibc
import Linux

@testable import Spool

/// Files in memory that know what a crash would leave of them.
///
/// What a power failure may do is more than any one file system does: of what was not made durable, every sector of 512
/// bytes is there or not, whatever was written before or after it; the sector in the middle may be there in part; a file may
/// be as long as it was made and hold zeros; and of the changes of names, any are lost, a file's content being durable or
/// not.
final class CrashingStorage: SpoolStorage {
    /// Thrown by every call once the process is dead.
    static let dead = Errno(ESHUTDOWN)
    private static let sector = 512

    private struct File {
        var bytes: [UInt8] = []
        /// What a power failure cannot take any more.
        var durable: [UInt8] = []
    }

    private enum NameChange {
        case made(String, Int)
        case removed(String)
        case renamed(String, String, Int)
    }

    /// Files by number; names point to them.
    private var files: [Int: File] = [:]
    private var entries: [String: Int] = [:]
    /// The names as they are on the disk, and what was changed since.
    private var durableEntries: [String: Int] = [:]
    private var changes: [NameChange] = []
    private var nextNumber = 1

    /// Calls that fail from now on, by name of the operation.
    var failing: [String: Errno] = [:]
    /// Changes until the process dies in the middle of one; nil lives on.
    var changesToLive: Int?
    /// Of a write that fails or in which the process dies, how many of its bytes arrive, in 1/256.
    var partWritten: UInt8 = 128

    func names() throws(Errno) -> [String] {
        try look("names")
        return Array(entries.keys)
    }

    func size(of name: String) throws(Errno) -> Int {
        try look("size")
        return try file(name).bytes.count
    }

    func read(_ name: String, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        try look("read")
        let file = try file(name)
        guard offset < file.bytes.count else { return 0 }
        let part = file.bytes[offset..<min(offset + buffer.count, file.bytes.count)]
        buffer.copyBytes(from: part)
        return part.count
    }

    func write(_ name: String, at offset: Int, _ bytes: UnsafeRawBufferPointer) throws(Errno) {
        do throws(Errno) {
            try change("write")
        } catch {
            // A full disk takes a part, and a process can be killed between two parts. A dead one writes nothing.
            let isLastWord = error == Self.dead && changesToLive == 0
            if error != Self.dead || isLastWord {
                put(name, offset, Array(bytes.prefix(bytes.count * Int(partWritten) / 256)))
            }
            if isLastWord { changesToLive = -1 }
            throw error
        }
        put(name, offset, Array(bytes))
    }

    private func put(_ name: String, _ offset: Int, _ bytes: [UInt8]) {
        let number = entries[name] ?? make(name)
        var file = files[number] ?? File()
        if !bytes.isEmpty, file.bytes.count < offset + bytes.count {
            file.bytes += [UInt8](repeating: 0, count: offset + bytes.count - file.bytes.count)
        }
        if !bytes.isEmpty { file.bytes.replaceSubrange(offset..<(offset + bytes.count), with: bytes) }
        files[number] = file
    }

    private func make(_ name: String) -> Int {
        defer { nextNumber += 1 }
        entries[name] = nextNumber
        files[nextNumber] = File()
        changes.append(.made(name, nextNumber))
        return nextNumber
    }

    func truncate(_ name: String, to size: Int) throws(Errno) {
        try change("truncate")
        guard let number = entries[name], var file = files[number] else { throw .notFound }
        file.bytes.removeLast(max(0, file.bytes.count - size))
        files[number] = file
    }

    func remove(_ name: String) throws(Errno) {
        try change("remove")
        guard entries.removeValue(forKey: name) != nil else { throw .notFound }
        changes.append(.removed(name))
    }

    func rename(_ name: String, to other: String) throws(Errno) {
        try change("rename")
        guard let number = entries.removeValue(forKey: name) else { throw .notFound }
        entries[other] = number
        changes.append(.renamed(name, other, number))
    }

    func synchronize(_ name: String) throws(Errno) {
        try change("synchronize")
        guard let number = entries[name], var file = files[number] else { throw .notFound }
        file.durable = file.bytes
        files[number] = file
    }

    func synchronizeNames() throws(Errno) {
        try change("synchronizeNames")
        durableEntries = entries
        changes = []
    }

    private func file(_ name: String) throws(Errno) -> File {
        guard let number = entries[name], let file = files[number] else { throw .notFound }
        return file
    }

    private func look(_ operation: String) throws(Errno) {
        if let changesToLive, changesToLive <= 0 { throw Self.dead }
        if let error = failing[operation] { throw error }
    }

    private func change(_ operation: String) throws(Errno) {
        if let left = changesToLive {
            guard left > 1 else {
                changesToLive = left == 1 ? 0 : -1
                throw Self.dead
            }
            changesToLive = left - 1
        }
        if let error = failing[operation] { throw error }
    }

    // MARK: Faults

    /// The process is killed: everything that it did stays. `torn` is what it wrote of another record.
    func kill(leaving torn: [UInt8] = []) {
        failing = [:]
        changesToLive = nil
        guard let last = entries.keys.filter({ $0.hasSuffix(".seg") }).max(), let number = entries[last] else { return }
        files[number]?.bytes += torn
    }

    /// The power fails.
    func powerFailure(using generator: inout some RandomNumberGenerator) {
        failing = [:]
        changesToLive = nil
        entries = durableEntries
        for change in changes where Bool.random(using: &generator) {
            switch change {
            case .made(let name, let number): entries[name] = number
            case .removed(let name): entries[name] = nil
            case .renamed(let old, let new, let number):
                if entries[old] == number { entries[old] = nil }
                entries[new] = number
            }
        }
        let named = Set(entries.values)
        files = files.filter { named.contains($0.key) }
        for (number, file) in files {
            let left = Self.afterPowerFailure(file, using: &generator)
            files[number] = File(bytes: left, durable: left)
        }
        durableEntries = entries
        changes = []
    }

    private static func afterPowerFailure(_ file: File, using generator: inout some RandomNumberGenerator) -> [UInt8] {
        let lengths = [file.durable.count, file.bytes.count].sorted()
        var bytes = file.durable
        bytes.removeLast(max(0, bytes.count - lengths[1]))
        let length = Int.random(in: lengths[0]...lengths[1], using: &generator)
        if bytes.count < length { bytes += [UInt8](repeating: 0, count: length - bytes.count) }
        bytes.removeLast(bytes.count - length)
        for start in stride(from: 0, to: length, by: sector) {
            let end = min(start + sector, length, file.bytes.count)
            guard start < end, Bool.random(using: &generator) else { continue }
            // Mostly whole; a torn one is new up to somewhere, and old behind it.
            let cut =
                UInt8.random(in: 0..<4, using: &generator) == 0 ? Int.random(in: start...end, using: &generator) : end
            bytes.replaceSubrange(start..<cut, with: file.bytes[start..<cut])
        }
        return bytes
    }

    /// Cuts off the end of a file whose name ends in `suffix`.
    func cut(_ suffix: String, using generator: inout some RandomNumberGenerator) {
        guard let name = entries.keys.filter({ $0.hasSuffix(suffix) }).sorted().randomElement(using: &generator),
            var bytes = self.bytes(of: name), !bytes.isEmpty
        else { return }
        bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator))
        set(name, bytes)
    }

    /// Changes, removes or inserts bytes somewhere in a file whose name ends in `suffix`.
    func damage(_ suffix: String, using generator: inout some RandomNumberGenerator) {
        guard let name = entries.keys.filter({ $0.hasSuffix(suffix) }).sorted().randomElement(using: &generator),
            var bytes = self.bytes(of: name), !bytes.isEmpty
        else { return }
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: bytes[index] ^= UInt8.random(in: 1...255, using: &generator)
        case 1: bytes.removeSubrange(index..<min(bytes.count, index + Int.random(in: 1...40, using: &generator)))
        case 2: bytes.removeSubrange(index...)
        case 3:
            // A block of the file stands in another place.
            let block = Array(bytes[index..<min(bytes.count, index + Int.random(in: 1...200, using: &generator))])
            let place = Int.random(in: 0...(bytes.count - block.count), using: &generator)
            bytes.replaceSubrange(place..<(place + block.count), with: block)
        case 4:
            let end = min(bytes.count, index + Int.random(in: 1...200, using: &generator))
            bytes.replaceSubrange(index..<end, with: [UInt8](repeating: 0, count: end - index))
        default:
            bytes.insert(contentsOf: (0..<9).map { _ in UInt8.random(in: 0...255, using: &generator) }, at: index)
        }
        set(name, bytes)
    }

    var segmentCount: Int { entries.keys.filter { $0.hasSuffix(".seg") }.count }
    func bytes(of name: String) -> [UInt8]? { entries[name].flatMap { files[$0]?.bytes } }

    func set(_ name: String, _ bytes: [UInt8]) {
        let number = entries[name] ?? make(name)
        files[number] = File(bytes: bytes, durable: bytes)
        durableEntries[name] = number
    }
}
