/// A message of DNS (RFC 1035, section 4), as far as it was captured.
///
/// Compression pointers only lead backwards, so that no message makes a name endless.
struct DNSMessage: ~Escapable {
    static let headerLength = 12
    private static let maximumName = 255

    private let bytes: RawSpan

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan) { self.bytes = bytes }

    var id: UInt16 { bytes.big16(0) }
    private var flags: UInt16 { bytes.big16(2) }
    var isResponse: Bool { flags & 0x8000 != 0 }
    /// RCODE, without what EDNS adds.
    var code: UInt8 { UInt8(flags & 0x0F) }
    private var opcode: UInt16 { flags >> 11 & 0x0F }
    private var questions: Int { Int(bytes.big16(4)) }
    private var answers: Int { Int(bytes.big16(6)) }
    private var authorities: Int { Int(bytes.big16(8)) }
    private var additional: Int { Int(bytes.big16(10)) }
    var hasQuestion: Bool { questions > 0 }
    /// Of the question.
    var type: UInt16 { endOfName(Self.headerLength).map { bytes.big16($0) } ?? 0 }

    /// Whether this is a query: QR 0, a standard query (opcode 0) of one question without answers, no flags that only
    /// responses have, and, if it was captured whole, with its end where the question's end says.
    ///
    /// - Parameter length: of the whole message.
    func isQuery(length: Int) -> Bool { hasQueryHeader && hasGoodQuestion(length: length) }

    private var hasQueryHeader: Bool {
        bytes.byteCount >= Self.headerLength && flags & 0x8000 == 0 && opcode == 0 && flags & 0x06CF == 0
            && questions == 1 && answers == 0 && authorities <= 1 && additional <= 3
    }

    private func hasAnswerHeader(length: Int) -> Bool {
        // A record has a name, type, class, time to live and length: 11 bytes at least.
        bytes.byteCount >= Self.headerLength && flags & 0x8000 != 0 && opcode == 0 && flags & 0x40 == 0
            && questions <= 1
            && (answers + authorities + additional) * 11 <= length - Self.headerLength
    }

    /// Whether the header is one of a query, or of an answer, of this length; the question may come later.
    func hasHeader(from side: Side, length: Int) -> Bool {
        side == .client ? hasQueryHeader : hasAnswerHeader(length: length)
    }

    /// Whether this is a response to a standard query: QR 1, opcode 0, at most one question, which is a good one, and no more
    /// records than there is room for.
    func isAnswer(length: Int) -> Bool {
        guard hasAnswerHeader(length: length) else { return false }
        if questions == 1 { return hasGoodQuestion(length: length) }
        // Without a question: an error of a server that could not read it.
        return code != 0 && answers == 0
    }

    private func hasGoodQuestion(length: Int) -> Bool {
        guard let end = endOfName(Self.headerLength) else {
            // It goes on where nothing was captured.
            return bytes.byteCount < length && bytes.byteCount > Self.headerLength + Self.maximumName
        }
        guard bytes.byteCount >= end + 4 else { return bytes.byteCount < length }
        let (type, itsClass) = (bytes.big16(end), bytes.big16(end + 2))
        guard type != 0, itsClass == 1 || itsClass == 3 || itsClass == 4 || itsClass == 254 || itsClass == 255 else {
            return false
        }
        let more = answers + authorities + additional
        return more == 0 ? length == end + 4 : length >= end + 4 + more * 11
    }

    /// Where a name that is not compressed ends, as the one of a question is; nil where it is none, or not all there.
    private func endOfName(_ start: Int) -> Int? {
        var at = start
        while at < bytes.byteCount, at - start < Self.maximumName {
            let length = Int(bytes.byte(at))
            if length == 0 { return at + 1 }
            guard length < 64 else { return nil }
            at += 1 + length
        }
        return nil
    }

    /// Where a name ends that may be compressed.
    private func endOfRecordName(_ start: Int) -> Int? {
        var at = start
        while at < bytes.byteCount, at - start < Self.maximumName {
            let length = Int(bytes.byte(at))
            if length == 0 { return at + 1 }
            if length >= 0xC0 { return at + 2 }
            guard length < 64 else { return nil }
            at += 1 + length
        }
        return nil
    }

    /// Adds the question's type (`TypeA`) and name, without its last dot: `.` is the root.
    func addQuestion(to text: inout RequestText) {
        guard hasQuestion, let end = endOfName(Self.headerLength) else { return }
        let (type, bytes) = (bytes.big16(end), bytes)
        if let name = DNSType.name(type) {
            text.add(.operation, name)
        } else {
            text.add(.operation, joining: { DNSType.appendNumber(type, to: &$0) })
        }
        text.add(
            .target,
            joining: { target in
                var at = Self.headerLength
                if bytes.byte(at) == 0 { target.append(0x2E) }
                while at < end, bytes.byte(at) != 0 {
                    if at > Self.headerLength { target.append(0x2E) }
                    let length = Int(bytes.byte(at))
                    bytes.part(at + 1, at + 1 + length).withUnsafeBytes { target.append(contentsOf: $0) }
                    at += 1 + length
                }
            })
    }

    /// Adds the address of each A and AAAA record among the answers.
    func addAddresses(to text: inout RequestText) {
        guard let end = hasQuestion ? endOfName(Self.headerLength).map({ $0 + 4 }) : Self.headerLength else { return }
        var at = end
        // Each takes at least 11 bytes: what the count says beyond them is not there.
        for _ in 0..<answers {
            guard let name = endOfRecordName(at), name + 10 <= bytes.byteCount else { return }
            let (type, itsClass, length) = (bytes.big16(name), bytes.big16(name + 2), Int(bytes.big16(name + 8)))
            let data = bytes.part(name + 10, name + 10 + length)
            guard data.byteCount == length else { return }
            let isAddress = type == DNSType.a && length == 4 || type == DNSType.aaaa && length == 16
            if isAddress, itsClass == 1 { text.add(.address, data) }
            at = name + 10 + length
        }
    }
}
