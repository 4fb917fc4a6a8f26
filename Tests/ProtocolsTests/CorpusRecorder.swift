import Foundation
import TestSupport

@testable import Protocols

/// Keeps what tests play as inputs of fuzzers: `MARTLET_CORPUS=FOLDER swift test` writes a file for each dialogue below
/// FOLDER/PROTOCOL, from which `tools/fuzz` makes its corpus. Without the variable it does nothing.
final class CorpusRecorder {
    private static let folder = ProcessInfo.processInfo.environment["MARTLET_CORPUS"]

    private let expected: ApplicationProtocol?
    private let conversation: Conversation
    private var script = SegmentScript()

    /// Nil where nothing is to be recorded.
    init?(_ expected: ApplicationProtocol?, _ conversation: Conversation) {
        guard Self.folder != nil else { return nil }
        (self.expected, self.conversation) = (expected, conversation)
    }

    func append(_ bytes: [UInt8], _ side: Side, _ missing: Int, _ tail: Int) {
        guard bytes.count < 65_536 else { return }
        script.append(bytes, isServer: side == .server, missing: missing, tail: tail)
    }

    deinit {
        guard let folder = Self.folder, script.bytes.count < 8192 else { return }
        var names = ["conversation"]
        if let expected { names = [expected.name] }
        if case .known(let found) = conversation.verdict { names.append(found.name) }
        for name in names {
            let path = "\(folder)/\(name)"
            try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for byte in script.bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            try? Data(script.bytes).write(to: URL(fileURLWithPath: "\(path)/\(String(hash, radix: 16))"))
        }
    }
}
