import Foundation

/// A directory with files for one test, removed with it.
final class TemporaryTree: Sendable {
    let path: String

    init(_ files: [String: String] = [:]) throws {
        path = NSTemporaryDirectory() + "/martlet-host-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (name, text) in files { try write(name, text) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws {
        let file = path + "/" + name
        let directory = (file as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // In place, so that held descriptors see it.
        guard let handle = fopen(file, "w") else { throw CocoaError(.fileWriteUnknown) }
        fwrite(Array(text.utf8), 1, text.utf8.count, handle)
        fclose(handle)
    }
}
