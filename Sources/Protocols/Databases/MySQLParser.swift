/// MySQL and MariaDB, client/server protocol (MySQL source documentation, "Client/Server Protocol"; MariaDB knowledge base,
/// "Client/Server Protocol").
///
/// One request is COM_QUERY (however many result sets it gives), COM_STMT_PREPARE, COM_STMT_EXECUTE or MariaDB's
/// COM_STMT_BULK_EXECUTE. Other commands are followed, not counted. The answer fails if any of its results is an error. The
/// file of LOAD DATA LOCAL belongs to its query. After a switch to TLS or compression nothing is read.
///
/// Texts: `operation` is `query`; `statement`; `database` (of the handshake, COM_INIT_DB or COM_CHANGE_USER); `error`. A preparation
/// is `PREPARE id FROM text`; an execution has the text of its statement, or is `EXECUTE id /* unknown */`.
final class MySQLParser: OrderedParser {
    override class var applicationProtocol: ApplicationProtocol { .mysql }

    private enum Command {
        static let quit: UInt8 = 0x01
        static let initDB: UInt8 = 0x02
        static let query: UInt8 = 0x03
        static let fieldList: UInt8 = 0x04
        static let statistics: UInt8 = 0x09
        static let changeUser: UInt8 = 0x11
        static let binlogDump: UInt8 = 0x12
        static let registerReplica: UInt8 = 0x15
        static let prepare: UInt8 = 0x16
        static let execute: UInt8 = 0x17
        static let longData: UInt8 = 0x18
        static let close: UInt8 = 0x19
        static let fetch: UInt8 = 0x1C
        static let binlogDumpGTID: UInt8 = 0x1E
        static let bulkExecute: UInt8 = 0xFA
    }

    /// What the next packet of the server is.
    private enum Phase {
        case greeting
        case login
        case first
        case columns
        /// The packet after the column definitions: it may be the end of them.
        case afterColumns
        case rows
        /// Definitions after the answer to a preparation.
        case definitions
    }

    private static let compress: UInt32 = 0x20
    private static let compressZstd: UInt32 = 0x0400_0000
    private static let tls: UInt32 = 0x800
    private static let withDatabase: UInt32 = 0x8
    private static let secureConnection: UInt32 = 0x8000
    private static let lengthEncodedAuth: UInt32 = 0x20_0000
    private static let moreResults: UInt16 = 0x8
    /// Longest packet that is taken for the end of an answer that was not seen whole.
    private static let longestEnd = 252

    private var phase = Phase.first
    private var isStarted = false
    private var columns = 0
    private var serverFlags: UInt32 = 0
    private var isCompressed = false
    private var continuesRequest = false
    private var continuesAnswer = false
    private var statements: StatementCache
    private var database: [UInt8] = []

    required init(options: ParsingOptions) {
        statements = StatementCache(textLimit: options.textLimit)
        super.init(options: options)
    }

    override func isCounted(_ tag: UInt32) -> Bool {
        switch UInt8(truncatingIfNeeded: tag) {
        case Command.query, Command.prepare, Command.execute, Command.bulkExecute: true
        default: false
        }
    }

    // MARK: Client

    override func request(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        guard bytes.byteCount >= 5 || bytes.byteCount == 4 && bytes.little24(0) == 0 else {
            return moment.isFinal ? .lost : .more(bytes.byteCount < 4 ? 4 : 5)
        }
        let length = Int(bytes.little24(0))
        let isContinuation = continuesRequest
        continuesRequest = length == 0xFF_FFFF
        // Answers to the server: of the log-in, or a file.
        if isContinuation || bytes.byte(3) != 0 {
            if phase == .login, bytes.byte(3) == 1 { return login(bytes, length, moment) }
            return .message(length + 4)
        }
        if length == 0 { return .lost }
        let command = bytes.byte(4)
        let limit = options.textLimit + 5
        let needed =
            switch command {
            case Command.query, Command.prepare, Command.initDB: options.wantsText ? min(length + 4, limit) : 5
            case Command.execute, Command.bulkExecute, Command.close: min(length + 4, 9)
            default: 5
            }
        if bytes.byteCount < needed, !moment.isFinal { return .more(needed) }
        isStarted = true
        let body = bytes.part(5, length + 4)
        take(command, body, isCut: body.byteCount < length - 1, moment)
        return .message(length + 4)
    }

    private func take(_ command: UInt8, _ body: RawSpan, isCut: Bool, _ moment: Moment) {
        switch command {
        case Command.query, Command.prepare:
            add(moment.start, tag: UInt32(command)) {
                guard options.wantsText else { return }
                addCommon(&$0)
                $0.addStatement(body, limit: options.textLimit, isCut: isCut)
            }
        case Command.execute, Command.bulkExecute:
            add(moment.start, tag: UInt32(command)) {
                guard options.wantsText else { return }
                addCommon(&$0)
                addExecution(body, &$0)
            }
        case Command.close: statements.forget(body.part(0, 4))
        case Command.longData, Command.quit: break
        case Command.binlogDump, Command.binlogDumpGTID: isOver = true
        default:
            if command == Command.initDB { setDatabase(body) }
            if command <= 0x1F { add(moment.start, tag: UInt32(command)) }
        }
    }

    private func addCommon(_ text: inout RequestText) {
        text.add(.operation, "query")
        if !database.isEmpty { text.add(.database) { $0 += database } }
    }

    private func addExecution(_ body: RawSpan, _ text: inout RequestText) {
        let isKnown = statements.with(body.part(0, 4)) { text.add(.statement, $0, limit: options.textLimit + 3) }
        if isKnown { return }
        text.add(.statement) {
            $0 += "EXECUTE ".utf8
            Self.append(body.little32(0), to: &$0)
            $0 += " /* unknown */".utf8
        }
    }

    private static func append(_ number: UInt32, to bytes: inout [UInt8]) {
        var divisor: UInt32 = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(truncatingIfNeeded: number / divisor % 10) + 0x30)
            divisor /= 10
        }
    }

    private func setDatabase(_ name: RawSpan) {
        database.removeAll(keepingCapacity: true)
        database.append(name.part(0, 64))
    }

    /// Handshake response: flags, and the database behind user and authentication data.
    private func login(_ bytes: RawSpan, _ length: Int, _ moment: Moment) -> MessageStream.Step {
        let needed = min(length + 4, 512)
        if bytes.byteCount < needed, !moment.isFinal { return .more(needed) }
        let flags = bytes.little32(4)
        if length == 32, flags & Self.tls != 0 {
            isOver = true
            return .lost
        }
        isCompressed = flags & serverFlags & (Self.compress | Self.compressZstd) != 0
        guard flags & Self.withDatabase != 0, let user = bytes.firstIndex(of: 0, from: 36) else {
            return .message(length + 4)
        }
        var start = user + 1
        if flags & (Self.secureConnection | Self.lengthEncodedAuth) != 0 {
            start += Int(bytes.byte(start)) + 1
        } else {
            start = (bytes.firstIndex(of: 0, from: start) ?? bytes.byteCount) + 1
        }
        if let end = bytes.firstIndex(of: 0, from: start, before: length + 4) { setDatabase(bytes.part(start, end)) }
        return .message(length + 4)
    }

    override func beginsRequest(_ bytes: RawSpan) -> Bool {
        bytes.byteCount > 4 && bytes.byte(3) == 0 && bytes.little24(0) > 0
            && (isCounted(UInt32(bytes.byte(4))) || bytes.byte(4) <= 0x1F)
    }

    override func requestsAreFoundAgain() { continuesRequest = false }

    override func answersWereLost() {
        phase = .first
        continuesAnswer = false
    }

    // MARK: Server

    override var findsEnds: Bool { true }

    /// A segment ends with the packet that ends the rows: its end, OK in its place, or an error.
    override func end(of bytes: RawSpan) -> Int? {
        guard isStarted, let tag, isCounted(tag) else { return nil }
        let count = bytes.byteCount
        for start in stride(from: count - 9, through: 0, by: -1) {
            let length = Int(bytes.little24(start))
            guard length == count - start - 4, length < Self.longestEnd, bytes.byte(start + 3) != 0 else { continue }
            let isEnd =
                switch bytes.byte(start + 4) {
                case 0xFE where length == 5: true
                // No rows were changed, no number was given out.
                case 0xFE: length >= 7 && bytes.little16(start + 5) == 0
                case 0xFF: bytes.byte(start + 7) == UInt8(ascii: "#") && length > 9
                default: false
                }
            guard isEnd else { continue }
            phase = .rows
            return start
        }
        return nil
    }

    override func answer(_ bytes: RawSpan, _ moment: Moment) -> MessageStream.Step {
        guard bytes.byteCount >= 4 else { return moment.isFinal ? .lost : .more(4) }
        let length = Int(bytes.little24(0))
        let isContinuation = continuesAnswer
        continuesAnswer = length == 0xFF_FFFF
        if isContinuation || length == 0 { return .message(length + 4) }
        // Enough for what an OK or an error says, but not for the text of rows.
        let type = bytes.byte(4)
        let isShort = type == 0xFF || type == 0 || type == 0xFE || !isStarted
        let needed = 4 + min(length, isShort && phase != .columns ? (type == 0xFF ? 256 : 64) : 10)
        if bytes.byteCount < needed, !moment.isFinal { return .more(needed) }
        let body = bytes.part(4, length + 4)
        if !isStarted, bytes.byte(3) == 0 {
            if phase == .first, type == 10 { readGreeting(body) }
            return .message(length + 4)
        }
        switch phase {
        case .greeting: break
        case .login:
            if type == 0xFF || type == 0, isCompressed {
                isOver = true
                return .lost
            }
            if type == 0 || type == 0xFF { phase = .first }
        case .first: first(body, length, moment)
        case .columns:
            columns -= 1
            if columns <= 0 { phase = .afterColumns }
        case .afterColumns:
            phase = .rows
            if type == 0xFE, length == 5 { break }
            row(body, length, moment)
        case .rows: row(body, length, moment)
        case .definitions:
            if type != 0xFE || length != 5 { columns -= 1 }
            // The end of the definitions may follow, or it is not sent: `first` knows.
            if columns <= 0 { phase = .first }
        }
        return .message(length + 4)
    }

    private func readGreeting(_ body: RawSpan) {
        isStarted = true
        phase = .login
        guard let end = body.firstIndex(of: 0, from: 1) else { return }
        // Connection id 4, salt 8, filler 1, then flags in two halves around character set and status.
        serverFlags = UInt32(body.little16(end + 14)) | UInt32(body.little16(end + 19)) << 16
    }

    private func first(_ body: RawSpan, _ length: Int, _ moment: Moment) {
        let type = body.byte(0)
        // The end of definitions of a preparation that is long answered.
        if type == 0xFE, length == 5, tag != 0x1B { return }
        guard let tag, expectsAnswer else { return }
        // Progress of a long statement (MariaDB).
        if type == 0xFF, body.little16(1) == 0xFFFF { return }
        begin(moment.start)
        let command = UInt8(truncatingIfNeeded: tag)
        if type == 0xFF { return fail(body, moment) }
        switch command {
        case Command.query, Command.execute, Command.bulkExecute, Command.fetch, Command.fieldList:
            if command == Command.fetch || command == Command.fieldList {
                phase = .rows
                return row(body, length, moment)
            }
            if type == 0 { return succeed(Self.status(of: body), moment) }
            // LOCAL INFILE: the client sends the file, then comes the result.
            if type == 0xFB { return }
            guard let (count, size) = Self.lengthEncoded(body), count > 0, count <= 4096 else {
                return finish(.unknown, moment.receiver)
            }
            // MariaDB: one more byte says whether the definitions are left out.
            let areLeftOut = length == size + 1 && body.byte(size) == 0
            columns = Int(count)
            phase = areLeftOut ? .afterColumns : .columns
        case Command.prepare:
            let (fields, parameters) = (Int(body.little16(5)), Int(body.little16(7)))
            describePreparation(body)
            columns = fields + parameters
            finish(.ok, moment.receiver)
            if columns > 0 { phase = .definitions }
        case Command.changeUser:
            // More of the log-in follows, unless this is OK.
            if type == 0 { drop() }
        default: drop()
        }
    }

    private func describePreparation(_ body: RawSpan) {
        describe { text in
            guard let entry = text.first(.statement) else { return }
            // The texts are put together anew, in front of the old statement there is more now.
            let old = text.withBytes(entry) { Array($0) }
            old.withUnsafeBytes {
                statements.set(body.part(1, 5), marked: RawSpan(_unsafeBytes: $0))
            }
            text.removeAll()
            addCommon(&text)
            text.add(.statement) {
                $0 += "PREPARE ".utf8
                Self.append(body.little32(1), to: &$0)
                $0 += " FROM ".utf8
                $0 += old
            }
        }
    }

    private func row(_ body: RawSpan, _ length: Int, _ moment: Moment) {
        switch body.byte(0) {
        case 0xFF where length >= 3 && length < 1024:
            if body.little16(1) == 0xFFFF { return }
            fail(body, moment)
        case 0xFE where length == 5: succeed(body.little16(3), moment)
        // With CLIENT_DEPRECATE_EOF an OK packet ends the rows; a row of this first byte would be longer than 16 MiB.
        case 0xFE where length < 0xFF_FFFF: succeed(Self.status(of: body), moment)
        default: break
        }
    }

    private func succeed(_ status: UInt16, _ moment: Moment) {
        phase = .first
        if status & Self.moreResults != 0 { return }
        if let tag, !isCounted(tag) { return drop() }
        finish(answerStatus, moment.receiver)
    }

    private func fail(_ body: RawSpan, _ moment: Moment) {
        phase = .first
        if let tag, !isCounted(tag) { return drop() }
        describe {
            let start = body.byte(3) == UInt8(ascii: "#") ? 9 : 3
            $0.add(.error, body.part(start), limit: 256)
        }
        finish(.failed, moment.receiver)
    }

    /// The status flags of an OK packet, behind the type and two numbers.
    private static func status(of body: RawSpan) -> UInt16 {
        guard let (_, first) = lengthEncoded(body.part(1)), let (_, second) = lengthEncoded(body.part(1 + first)) else {
            return 0
        }
        return body.little16(1 + first + second)
    }

    /// A length-encoded integer and its size.
    private static func lengthEncoded(_ bytes: RawSpan) -> (UInt64, Int)? {
        guard bytes.byteCount > 0 else { return nil }
        switch bytes.byte(0) {
        case 0xFC: return (UInt64(bytes.little16(1)), 3)
        case 0xFD: return (UInt64(bytes.little24(1)), 4)
        case 0xFE: return (bytes.little64(1), 9)
        case 0xFB, 0xFF: return nil
        case let value: return (UInt64(value), 1)
        }
    }

    // MARK: Detection

    override class func likeness(_ bytes: RawSpan, length: Int, from side: Side) -> Likeness {
        if bytes.byteCount < 5 { return length < 5 && bytes.byteCount >= 4 && bytes.byte(3) <= 1 ? .partial : .no }
        return side == .client ? requestLikeness(bytes, length: length) : answerLikeness(bytes, length: length)
    }

    private static func requestLikeness(_ bytes: RawSpan, length: Int) -> Likeness {
        // The answer to the greeting: flags, largest packet, 23 zeroes.
        if bytes.byte(3) == 1 {
            guard bytes.little24(0) >= 32, bytes.byteCount >= 36, bytes.little32(4) & 0x200 != 0 else { return .no }
            for index in 13..<28 where bytes.byte(index) != 0 { return .no }
            return .maybe
        }
        // Commands, one after another, and nothing else.
        var start = 0
        while start < bytes.byteCount {
            let end = start + 4 + Int(bytes.little24(start))
            guard end <= length, bytes.byteCount - start >= 5, isCommand(bytes.part(start, end), end - start) else {
                return .no
            }
            start = end
        }
        return start == length || start > bytes.byteCount ? .maybe : .no
    }

    private static func isCommand(_ bytes: RawSpan, _ length: Int) -> Bool {
        let size = length - 4
        guard size > 0, bytes.byte(3) == 0 else { return false }
        switch bytes.byte(4) {
        case Command.query, Command.prepare:
            // Text; attributes of MySQL 8 before it begin with small numbers.
            for index in 5..<min(bytes.byteCount, 69) {
                let byte = bytes.byte(index)
                if byte < 0x20, byte != 0x09, byte != 0x0A, byte != 0x0D, index > 6 || byte > 1 { return false }
            }
            return size > 1
        case Command.execute, Command.bulkExecute: return size >= 10
        case Command.initDB: return size > 1
        case Command.close, 0x1A: return size == 5
        case Command.fetch: return size == 9
        case Command.longData: return size >= 7
        case Command.quit, Command.statistics, 0x0E, 0x1F: return size == 1
        case 0x1B: return size == 3
        default: return false
        }
    }

    private static func answerLikeness(_ bytes: RawSpan, length: Int) -> Likeness {
        let size = Int(bytes.little24(0))
        guard size > 0, size + 4 <= length else { return .no }
        if bytes.byte(3) == 0 {
            // The greeting.
            guard bytes.byte(4) == 10, size + 4 == length, size >= 45, let end = bytes.firstIndex(of: 0, from: 5),
                end > 6, end < 90
            else { return .no }
            for index in 5..<end where bytes.byte(index) < 0x20 || bytes.byte(index) > 0x7E { return .no }
            return .certain
        }
        // The end of a log-in has a later number.
        guard bytes.byte(3) == 1 || bytes.byte(3) <= 8 && (bytes.byte(4) == 0 || bytes.byte(4) == 0xFF) else {
            return .no
        }
        switch bytes.byte(4) {
        case 0xFF: return size + 4 == length && bytes.byte(7) == UInt8(ascii: "#") ? .maybe : .no
        case 0: return size >= 7 ? .maybe : .no
        case 0xFE: return size == 5 || size < 64 ? .maybe : .no
        case 1...250:
            // How many columns, then the first of them: catalogue `def`.
            guard size <= 2 else { return .no }
            let next = size + 4
            guard bytes.byteCount >= next + 8 else { return length <= next ? .maybe : .no }
            return bytes.byte(next + 3) == 2 && bytes.has("\u{3}def", at: next + 4) ? .certain : .no
        default: return .no
        }
    }
}
