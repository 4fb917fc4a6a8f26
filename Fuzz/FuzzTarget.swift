import Glibc

@testable import Logs
@testable import Protocols

/// What a fuzzer's input is given to; `tools/fuzz` has the names from here.
///
/// A finding is a trap, an address error, a leak, or a property below that does not hold.
enum FuzzTarget {
    /// The names of all, one a line: what `MARTLET_FUZZ=?` prints.
    static var names: [String] {
        ApplicationProtocol.allCases.map(\.name) + [
            "conversation", "hpack", "dns-datagrams", "log-plain", "log-cri", "log-docker", "log-journald",
            "log-messages", "log-json", "log-redaction", "statement", "trace-headers", "path-pattern", "executable",
            "instructions",
        ]
    }

    /// The target that the environment names.
    static let chosen: @Sendable ([UInt8]) -> Void = {
        let name = getenv("MARTLET_FUZZ").map { String(cString: $0) } ?? ""
        if name == "?" {
            for name in names { print(name) }
            fflush(nil)
            // An ordinary exit would be a finding.
            _exit(0)
        }
        if let found = ApplicationProtocol(name: name) { return { conversation($0, found) } }
        switch name {
        case "conversation": return { conversation($0, nil) }
        case "hpack": return hpack
        case "dns-datagrams": return datagrams
        case "log-plain": return { lines($0, .plain) }
        case "log-cri": return { lines($0, .cri) }
        case "log-docker": return { lines($0, .docker) }
        case "log-journald": return { lines($0, .journald) }
        case "log-messages": return messages
        case "log-json": return json
        case "log-redaction": return redaction
        case "statement": return statement
        case "trace-headers": return traceHeaders
        case "path-pattern": return pathPattern
        case "executable": return executable
        case "instructions": return instructions
        default: fatalError("MARTLET_FUZZ names no target: \(name)")
        }
    }()

    /// Checks what is told of exchanges.
    private final class Receiver: ExchangeReceiver {
        let limit: Int
        private(set) var count = 0

        init(limit: Int) { self.limit = limit }

        func receive(_ exchange: Exchange, _ text: borrowing RequestText) {
            count += 1
            precondition(exchange.duration <= exchange.end)
            precondition(text.count <= RequestText.maximumEntries)
            for index in 0..<text.count {
                let count = text.withBytes(text[index]) { $0.count }
                // What is joined of several pieces may have a little more than a limit.
                precondition(count <= 2 * limit + 64, "a text of \(count) bytes")
            }
        }
    }

    private static func conversation(_ bytes: [UInt8], _ expected: ApplicationProtocol?) {
        // Texts are wanted by half of all inputs.
        let wantsText = bytes.count % 2 == 0
        let conversation = Conversation(options: ParsingOptions(wantsText: wantsText), expected: expected)
        let receiver = Receiver(limit: 1024)
        var (time, fed) = (UInt64(1), 0)
        for segment in SegmentScript(bytes).segments {
            time += 1000
            fed += segment.bytes.count
            segment.bytes.withUnsafeBytes {
                conversation.take(
                    RawSpan(_unsafeBytes: $0), from: segment.isServer ? .server : .client, at: time,
                    missing: segment.missing, tail: segment.tail, receiver)
            }
            if segment.givesUp { conversation.giveUp(before: time, at: time, receiver) }
        }
        conversation.giveUp(before: .max, at: time, receiver)
        precondition(!conversation.isWaiting)
        precondition(receiver.count <= fed, "more exchanges than bytes")
    }

    private static func datagrams(_ bytes: [UInt8]) {
        var datagrams = DNSDatagrams(options: ParsingOptions(wantsText: bytes.count % 2 == 0), limit: 8)
        let receiver = Receiver(limit: 1024)
        var (time, fed) = (UInt64(1), 0)
        for segment in SegmentScript(bytes).segments {
            time += 1000
            fed += 1
            segment.bytes.withUnsafeBytes {
                datagrams.take(
                    RawSpan(_unsafeBytes: $0), socket: UInt64(segment.missing % 4),
                    from: segment.isServer ? .server : .client, at: time, receiver)
            }
            if segment.givesUp { datagrams.giveUp(before: time, at: time, receiver) }
        }
        datagrams.giveUp(before: .max, at: time, receiver)
        precondition(receiver.count <= fed)
    }

    /// Blocks with what is missing between them; every text is one that fits.
    private static func hpack(_ bytes: [UInt8]) {
        var decoder = HPACKDecoder(wantsText: bytes.count % 2 == 0, valueLimit: 256)
        for segment in SegmentScript(bytes).segments {
            if segment.missing > 0 { decoder.lose() }
            segment.bytes.withUnsafeBytes {
                decoder.decode(RawSpan(_unsafeBytes: $0), isCut: segment.tail > 0) { _, value, _ in
                    precondition(value.byteCount <= 65_536)
                }
            }
        }
    }

    private static func lines(_ bytes: [UInt8], _ format: LogFormat) {
        var reader = LogReader(format, parsesJSON: bytes.count % 2 == 0)
        let body: (borrowing LogReader.Message, borrowing JSONLog) -> Void = { message, _ in
            precondition(message.body.count <= MessageJoiner.limit * 3)
        }
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            reader.add(Array(line).span, body)
        }
        reader.flush(body)
    }

    private static func messages(_ bytes: [UInt8]) {
        var joiner = MessageJoiner()
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let line = Array(line)
            if joiner.isEnded(by: line.span) { joiner.clear() }
            joiner.append(line.span, from: LineOrigin())
            precondition(joiner.message.count <= MessageJoiner.limit)
        }
    }

    private static func json(_ bytes: [UInt8]) {
        var json = JSONLog()
        guard json.read(bytes.span) else { return }
        for index in 0..<json.attributeCount {
            precondition(json.attributeKey(index).count <= bytes.count * 3 + 64)
            precondition(json.attributeValue(index).count <= bytes.count * 6 + 64)
        }
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    FuzzTarget.chosen(Array(UnsafeBufferPointer(start: data, count: size)))
    return 0
}
