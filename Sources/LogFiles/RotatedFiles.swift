internal import Linux

/// The files into which a log was rotated: those beside it whose name is its own with a number or a date.
///
/// `app.log.1`, `app.log-20260101`, `app-20260101.log` (logrotate), `0.log.20260101-000000` (kubelet), `ID-json.log.1` (Docker). What
/// was compressed is not read.
struct RotatedFiles {
    struct File {
        let path: String
        let status: FileStatus
    }

    /// More entries of a directory are not looked at.
    static let entryLimit = 50_000
    private static let fileLimit = 256
    private static let compressed = [".gz", ".bz2", ".xz", ".zst", ".lz4", ".tmp"]

    /// The oldest first.
    private(set) var files: [File] = []
    /// Whether all entries of the directory were looked at.
    private(set) var isComplete = true

    init(of path: String, in root: LogRoot) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return }
        let directory = String(path[...slash])
        let name = String(path[path.utf8.index(after: slash)...])
        var names: [String] = []
        do throws(Errno) {
            isComplete = try root.names(directory, limit: Self.entryLimit) { entry in
                if Self.isRotated(entry.name, from: name) { names.append(entry.name) }
                return names.count < Self.fileLimit
            }
        } catch {
            return
        }
        for name in names {
            if let status = root.status(directory + name) {
                files.append(File(path: directory + name, status: status))
            }
        }
        files.sort { a, b in
            a.status.modified != b.status.modified
                ? a.status.modified < b.status.modified : Self.isOlder(a.path, b.path)
        }
    }

    static func isRotated(_ candidate: String, from name: String) -> Bool {
        let (candidate, name) = (Array(candidate.utf8), Array(name.utf8))
        guard candidate.count > name.count,
            !compressed.contains(where: { candidate.suffix($0.utf8.count).elementsEqual($0.utf8) })
        else {
            return false
        }
        if candidate.starts(with: name) { return isMark(candidate[name.count...]) }
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > 0 else { return false }
        let (stem, suffix) = (name[..<dot], name[dot...])
        guard candidate.starts(with: stem), candidate.reversed().starts(with: suffix.reversed()) else { return false }
        return isMark(candidate[stem.count..<candidate.count - suffix.count])
    }

    /// A separator and something that begins with a digit, or `.old`.
    private static func isMark(_ text: ArraySlice<UInt8>) -> Bool {
        guard let separator = text.first, text.count > 1,
            separator == UInt8(ascii: ".") || separator == UInt8(ascii: "-") || separator == UInt8(ascii: "_")
        else { return false }
        return UInt8(ascii: "0")...UInt8(ascii: "9") ~= text[text.startIndex + 1]
            || text.dropFirst().elementsEqual("old".utf8)
    }

    /// Of two files that were written to at the same time: numbers go down with time, dates up.
    private static func isOlder(_ a: String, _ b: String) -> Bool {
        func number(_ path: String) -> Int? {
            path.split(separator: ".").last.flatMap { $0.utf8.count < 5 ? Int($0) : nil }
        }
        if let a = number(a), let b = number(b) { return a > b }
        return a < b
    }
}
