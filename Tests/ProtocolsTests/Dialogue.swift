@testable import Protocols

/// Plays a connection to a conversation: each line is what one side sends, one segment each, a microsecond apart.
struct Dialogue {
    let conversation: Conversation
    let log = ExchangeLog()
    private let recorder: CorpusRecorder?
    private var time: UInt64 = 1_000_000

    init(_ expected: ApplicationProtocol? = nil, wantsText: Bool = true) {
        conversation = Conversation(options: ParsingOptions(wantsText: wantsText), expected: expected)
        recorder = CorpusRecorder(expected, conversation)
    }

    mutating func client(_ bytes: [UInt8], missing: Int = 0, tail: Int = 0) { say(.client, bytes, missing, tail) }
    mutating func server(_ bytes: [UInt8], missing: Int = 0, tail: Int = 0) { say(.server, bytes, missing, tail) }
    mutating func client(_ text: String) { client(Array(text.utf8)) }
    mutating func server(_ text: String) { server(Array(text.utf8)) }

    /// A segment of the server of which the first 1,024 bytes and the last 256 are seen.
    mutating func serverEnds(_ bytes: [UInt8]) {
        guard bytes.count > 1280 else { return server(bytes) }
        server(Array(bytes[..<1024]), tail: bytes.count - 1280)
        time -= 1000
        server(Array(bytes.suffix(256)))
    }

    private mutating func say(_ side: Side, _ bytes: [UInt8], _ missing: Int, _ tail: Int) {
        time += 1000
        recorder?.append(bytes, side, missing, tail)
        bytes.withUnsafeBytes {
            conversation.take(
                RawSpan(_unsafeBytes: $0), from: side, at: time, missing: missing, tail: tail, log)
        }
    }
}
