import Foundation

/// A temporary folder and a list of what must be undone at the end of a test, newest first.
final class Scratch {
    let path: String
    private var undo: [() -> Void] = []

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/martlet-test-\(UInt32.random(in: .min ... .max))"
        // Others must be able to enter: one test runs the agent as nobody.
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    }

    /// Runs `action` when the test is over, before everything that was registered earlier.
    func atEnd(_ action: @escaping () -> Void) { undo.append(action) }

    /// A path inside the folder.
    func file(_ name: String) -> String { path + "/" + name }

    /// Makes a folder inside the folder.
    func folder(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
        return file(name)
    }

    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: file(name), atomically: false, encoding: .utf8)
        return file(name)
    }

    /// Undoes everything and removes the folder.
    func remove() {
        while let action = undo.popLast() { action() }
        // Whatever a runtime left mounted below the folder, deepest first.
        let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
        for line in mounts.split(separator: "\n").reversed() {
            let fields = line.split(separator: " ")
            if fields.count > 1, fields[1].hasPrefix(path + "/") { umount2(String(fields[1]), Int32(MNT_DETACH)) }
        }
        _ = try? Command.run(["rm", "-rf", "--one-file-system", path])
    }
}
