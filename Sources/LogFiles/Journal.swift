internal import CJournal
internal import Glibc
internal import Linux

/// The journal of one directory, through systemd's own library (sd-journal(3)), which is loaded when it is wanted.
final class Journal {
    struct Problem: Error { let reason: String }

    private static let library = "libsystemd.so.0"
    private static let problemSize = 256

    private let functions: martlet_journal
    // Given by the library, and valid until `close`; only the thread that reads uses it.
    private let handle: UnsafeMutableRawPointer

    /// Opens the files below `directory`, which changes from then on show.
    init(directory: String) throws(Problem) {
        var functions = martlet_journal()
        var problem = [CChar](repeating: 0, count: Self.problemSize)
        guard martlet_journal_load(Self.library, &functions, &problem, UInt32(problem.count)) == 0 else {
            let text = problem.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw Problem(reason: "\(Self.library): \(String(decoding: text, as: UTF8.self))")
        }
        self.functions = functions
        var opened: UnsafeMutableRawPointer?
        let result = functions.open_directory(&opened, directory, 0)
        guard result >= 0, let opened else { throw Problem(reason: "\(directory): \(Errno(negated: result))") }
        handle = opened
        // Watches the files, so that `process` sees new ones.
        _ = functions.get_fd(handle)
        // Longer fields are cut when they are compressed.
        _ = functions.set_data_threshold(handle, 128 << 10)
    }

    deinit { functions.close(handle) }

    /// Goes behind the last entry.
    func seekToEnd() {
        _ = functions.seek_tail(handle)
        // The end is a place only once an entry was read from there.
        _ = functions.previous(handle)
    }

    func seekToBeginning() { _ = functions.seek_head(handle) }

    /// Goes behind the entry of `cursor`; false if that is not there any more: then to the entry that is next to it.
    func seek(after cursor: String) -> Bool {
        guard functions.seek_cursor(handle, cursor) >= 0, functions.next(handle) > 0 else { return false }
        if functions.test_cursor(handle, cursor) > 0 { return true }
        // It stands on an entry that was not read yet.
        unread()
        return false
    }

    /// Takes note of files that came and went.
    func refresh() { _ = functions.process(handle) }

    /// Goes to the next entry; false if there is none.
    func next() throws(Errno) -> Bool {
        let result = functions.next(handle)
        if result < 0 { throw Errno(negated: result) }
        return result > 0
    }

    /// Goes back by one, so that `next` gives the same entry again.
    func unread() {
        // Before the first entry there is none to go back to, and the place stays where it is.
        if functions.previous(handle) == 0 { seekToBeginning() }
    }

    var cursor: String? {
        var text: UnsafeMutablePointer<CChar>?
        guard functions.get_cursor(handle, &text) >= 0, let text else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    /// Nanoseconds since the Unix epoch.
    var time: UInt64 {
        var microseconds: UInt64 = 0
        guard functions.get_realtime(handle, &microseconds) >= 0 else { return 0 }
        return microseconds &* 1_000
    }

    /// Calls `body` with the value of a field of the entry, if it has one; the bytes are valid during the call.
    func field<Result>(_ name: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
        var data: UnsafeRawPointer?
        var length = 0
        guard functions.get_data(handle, name, &data, &length) >= 0, let data, length > name.utf8.count else {
            return nil
        }
        // `NAME=value`.
        return body(
            UnsafeRawBufferPointer(start: data + name.utf8.count + 1, count: length - name.utf8.count - 1))
    }

    func text(_ name: String) -> String? { field(name) { String(decoding: $0, as: UTF8.self) } }
}
