internal import Glibc
internal import Linux

/// Finds files under /var/log that a process has open for writing.
enum WrittenLogs {
    /// Descriptors of a process that are looked at.
    private static let mostDescriptors = 4096
    private static let mostFiles = 100
    private static let directory = "/var/log/"
    /// The runtimes' own, which are read as what they are.
    private static let others = ["/var/log/pods/", "/var/log/containers/", "/var/log/journal/"]

    /// The paths as the process sees them, without those that are `known`: of these nothing more is asked.
    static func paths(procfs: String, pid: UInt32, known: (String) -> Bool) -> [String] {
        var found: [String] = []
        var count = 0
        let descriptors = "\(procfs)/\(pid)/fd"
        try? Directory.forEach(descriptors) { entry in
            count += 1
            if let path = try? SmallFile.link("\(descriptors)/\(entry.name)"), path.hasPrefix(directory),
                !others.contains(where: path.hasPrefix), !path.hasSuffix(" (deleted)"), !known(path),
                !found.contains(path),
                isWriteOnly("\(procfs)/\(pid)/fdinfo/\(entry.name)")
            {
                found.append(path)
            }
            return count < mostDescriptors && found.count < mostFiles
        }
        return found
    }

    /// `flags:` of proc(5), in octal digits.
    private static func isWriteOnly(_ path: String) -> Bool {
        guard let text = try? SmallFile.text(path, limit: 65_536) else { return false }
        for line in text.split(separator: "\n") where line.hasPrefix("flags:") {
            let digits = line.dropFirst("flags:".count).drop { $0 == "\t" || $0 == " " }
            return Int32(digits, radix: 8).map { $0 & O_ACCMODE == O_WRONLY } ?? false
        }
        return false
    }
}
