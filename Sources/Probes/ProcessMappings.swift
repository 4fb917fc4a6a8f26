internal import Glibc
internal import Linux

/// The files of a process that may see the plain text of TLS: its program, and libraries by their names.
struct ProcessMappings {
    struct Mapping {
        /// `START-END`, the name in /proc/PID/map_files.
        var range: String
        var path: String
        var inode: UInt64
        var isProgram: Bool
        var name: String { String(path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...]) }
    }

    private static let mapsLimit = 1 << 20
    private static let mappingsLimit = 16

    let mappings: [Mapping]
    /// Whether it has a library that hides its descriptors from OpenSSL, so that `attachTLSSockets` will be needed.
    let hidesDescriptors: Bool

    /// Reads /proc/PID/maps (proc(5)). Throws what the kernel says of a process that ended or may not be looked at.
    static func read(procfs: String, pid: UInt32) throws(Errno) -> ProcessMappings {
        let program = try SmallFile.link("\(procfs)/\(pid)/exe")
        let file = try FileDescriptor.open("\(procfs)/\(pid)/maps")
        // A process with more is looked at as far as this goes.
        var text = [UInt8]()
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while text.count < mapsLimit {
            var failure: Errno?
            let count = chunk.withUnsafeMutableBytes { buffer -> Int in
                do throws(Errno) { return try file.read(into: buffer) } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            if count == 0 { break }
            text += chunk[..<count]
        }
        return ProcessMappings(maps: text, program: program)
    }

    init(maps: [UInt8], program: String) {
        var mappings = [Mapping]()
        var hidesDescriptors = false
        var seen = Set<ArraySlice<UInt8>>()
        let programBytes = Array(program.utf8)
        for line in maps.split(separator: 0x0A) {
            // 7f0000000000-7f0000001000 r-xp 00000000 00:00 123   /path
            guard let slash = line.firstIndex(of: 0x2F) else { continue }
            let path = line[slash...]
            let fields = line[..<slash].split(separator: 0x20, maxSplits: 5)
            guard fields.count >= 5, fields[1].count == 4, fields[1].dropFirst(2).first == 0x78 else { continue }
            let isProgram = path.elementsEqual(programBytes)
            let name = path[((path.lastIndex(of: 0x2F) ?? path.startIndex) + 1)...]
            if Self.has(name, "libcurl") { hidesDescriptors = true }
            guard isProgram || Self.libraries.contains(where: { Self.has(name, $0) }), seen.insert(path).inserted,
                mappings.count < Self.mappingsLimit,
                let inode = UInt64(String(decoding: fields[4], as: UTF8.self))
            else { continue }
            if isProgram, name.elementsEqual("node".utf8) { hidesDescriptors = true }
            mappings.append(
                Mapping(
                    range: String(decoding: fields[0], as: UTF8.self), path: String(decoding: path, as: UTF8.self),
                    inode: inode, isProgram: isProgram))
        }
        self.mappings = mappings
        self.hidesDescriptors = hidesDescriptors
    }

    /// What names of libraries begin with; also as wheels and other bundles rename them.
    private static let libraries = ["libssl.", "libssl-", "libgnutls.", "libgnutls-"]

    private static func has(_ name: ArraySlice<UInt8>, _ beginning: String) -> Bool {
        name.starts(with: beginning.utf8)
    }

    /// Opens the very file that is mapped: by the mapping where the kernel lets us (CAP_SYS_ADMIN or
    /// CAP_CHECKPOINT_RESTORE), else by its path in the process's root, if it is still that file.
    static func open(_ mapping: Mapping, procfs: String, pid: UInt32) throws(Errno) -> FileDescriptor {
        if mapping.isProgram { return try FileDescriptor.open("\(procfs)/\(pid)/exe", O_RDONLY | O_NONBLOCK) }
        do throws(Errno) {
            return try FileDescriptor.open("\(procfs)/\(pid)/map_files/\(mapping.range)", O_RDONLY | O_NONBLOCK)
        } catch {
            if error != .notPermitted, error != .accessDenied { throw error }
        }
        let file = try RootDirectory("\(procfs)/\(pid)/root").open(mapping.path)
        var status = stat()
        guard fstat(file.raw, &status) == 0, UInt64(status.st_ino) == mapping.inode else { throw .notFound }
        return file
    }
}
