import Protocols

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A connection of a real client to a real server, recorded by a relay: one segment a line, `C` (client) or `S` (server), its
/// bytes in hexadecimal digits, and `+N` if N bytes more were sent that the recording leaves out.
struct Recording {
    struct Segment {
        var side: Side
        var bytes: [UInt8]
        var missing = 0
        var tail = 0
    }

    var segments: [Segment] = []

    init(_ name: String, file: String = #filePath) throws {
        let folder = file.split(separator: "/").dropLast().joined(separator: "/")
        for line in try Self.read("/\(folder)/Recordings/\(name).txt").split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: " "))
            let digits = fields[1].map { $0 < 0x40 ? $0 - 0x30 : $0 - 0x57 }
            let bytes = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
            let tail = fields.count > 2 ? Int(String(decoding: fields[2].dropFirst(), as: UTF8.self)) : 0
            segments.append(
                Segment(side: fields[0].first == UInt8(ascii: "C") ? .client : .server, bytes: bytes, tail: tail ?? 0))
        }
    }

    init(_ segments: [Segment]) { self.segments = segments }

    private static func read(_ path: String) throws -> [UInt8] {
        struct CannotOpen: Error { let path: String }
        guard let file = fopen(path, "r") else { throw CannotOpen(path: path) }
        defer { fclose(file) }
        var content: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&block, 1, block.count, file)
            if count == 0 { return content }
            content += block[..<count]
        }
    }

    /// What is told of it: `statuses statement`, a line each. `expected`: nil lets the detector find out.
    func play(
        _ expected: ApplicationProtocol? = nil, wantsText: Bool = true, limit: Int = .max
    ) -> (verdict: Conversation.Verdict, lines: [String]) {
        let conversation = Conversation(options: ParsingOptions(wantsText: wantsText), expected: expected)
        let log = ExchangeLog()
        let recorder = CorpusRecorder(expected, conversation)
        var time: UInt64 = 1_000_000
        for segment in segments {
            time += 1000
            let captured = Array(segment.bytes.prefix(limit))
            let tail = segment.tail + segment.bytes.count - captured.count
            recorder?.append(captured, segment.side, segment.missing, tail)
            captured.withUnsafeBytes {
                conversation.take(
                    RawSpan(_unsafeBytes: $0), from: segment.side, at: time, missing: segment.missing,
                    tail: tail, log)
            }
        }
        conversation.giveUp(before: .max, at: time + 1000, log)
        return (conversation.verdict, log.entries.map(Self.line))
    }

    static func line(_ entry: ExchangeLog.Entry) -> String {
        let text = entry.text
        var parts = ["\(entry.exchange.status)"]
        if let operation = text.string(.operation) { parts.append(operation) }
        if let statement = text.string(.statement) {
            parts.append(statement)
        } else if let target = text.string(.target) {
            parts.append(target)
        }
        for index in 0..<text.count where text[index].kind == .item {
            parts.append(text.withBytes(text[index]) { String(decoding: $0, as: UTF8.self) })
        }
        return parts.joined(separator: " ")
    }

    /// The recording with one segment cut in two.
    func cut(_ index: Int, at offset: Int) -> Recording {
        var parts = segments
        let whole = parts[index]
        parts[index].bytes = Array(whole.bytes[..<offset])
        parts[index].tail = 0
        parts.insert(
            Segment(side: whole.side, bytes: Array(whole.bytes[offset...]), tail: whole.tail), at: index + 1)
        return Recording(parts)
    }
}
