/// Where the statement is in a Query packet of ClickHouse.
///
/// The layout depends on the smaller of both sides' revisions (ClickHouse source: Core/ProtocolDefines.h). Where the server's
/// is not known, the client's is tried, and then older ones, until one gives a statement.
struct ClickHouseQuery {
    /// Revisions from which on something is there.
    private enum Revision {
        static let quotaKey: UInt64 = 54_060
        static let versionPatch: UInt64 = 54_401
        static let settingsAsStrings: UInt64 = 54_429
        static let secret: UInt64 = 54_441
        static let openTelemetry: UInt64 = 54_442
        static let distributedDepth: UInt64 = 54_448
        static let startTime: UInt64 = 54_449
        static let parallelReplicas: UInt64 = 54_453
        static let externalRoles: UInt64 = 54_472
        static let lineNumbers: UInt64 = 54_475
        static let token: UInt64 = 54_476
    }

    private static let older: [UInt64] = [
        Revision.token, Revision.lineNumbers, Revision.externalRoles, Revision.parallelReplicas, Revision.startTime,
        Revision.distributedDepth, Revision.openTelemetry, Revision.secret, Revision.settingsAsStrings,
        Revision.versionPatch, Revision.quotaKey, 54_032,
    ]

    /// It is no Query packet.
    private(set) var isNone = false
    /// It breaks off before one can be sure that it is one.
    private(set) var isShort = false
    /// Where the statement is and how long; -1 where that is not known.
    private(set) var statement = 0
    private(set) var statementLength = -1

    init(_ bytes: RawSpan, server: UInt64) {
        guard let client = check(bytes) else { return }
        let first = server > 0 ? min(server, client) : client
        if read(bytes, first) || server > 0 { return }
        for revision in Self.older where revision < client { if read(bytes, revision - 1) { return } }
    }

    /// The beginning, which all revisions have: the client's revision if it is one.
    private mutating func check(_ bytes: RawSpan) -> UInt64? {
        var reader = VarintReader(bytes, at: 1)
        guard bytes.byte(0) == 1 else { return refuse(false) }
        guard let id = reader.string() else { return refuse(reader.isBeyond) }
        guard id.count <= 128, Self.isText(bytes, id) else { return refuse(false) }
        // 1: first query, 2: on behalf of another server. 0: no information about the client.
        guard let kind = reader.byte() else { return refuse(true) }
        guard kind == 1 || kind == 2 else { return refuse(false) }
        guard let user = reader.string() else { return refuse(reader.isBeyond) }
        guard user.count <= 128, Self.isText(bytes, user) else { return refuse(false) }
        guard let initial = reader.string() else { return refuse(reader.isBeyond) }
        guard initial.count <= 128, Self.isText(bytes, initial) else { return refuse(false) }
        guard let address = reader.string() else { return refuse(reader.isBeyond) }
        guard address.count >= 4, address.count <= 64, Self.isAddress(bytes, address) else { return refuse(false) }
        let saved = reader.position
        // With or without the time of the start: what follows has to fit.
        for extra in [8, 0] {
            var reader = VarintReader(bytes, at: saved + extra)
            guard let interface = reader.byte() else {
                if extra == 0 { return refuse(true) }
                continue
            }
            guard interface == 1 else { continue }
            if let revision = Self.revision(bytes, &reader) { return revision }
            if reader.isBeyond, extra == 0 { return refuse(true) }
        }
        return refuse(saved + 16 > bytes.byteCount)
    }

    /// Names of user, host and client, version, revision.
    private static func revision(_ bytes: RawSpan, _ reader: inout VarintReader) -> UInt64? {
        for _ in 0..<3 {
            guard let name = reader.string(), name.count <= 256, isText(bytes, name) else { return nil }
        }
        guard let major = reader.number(), let minor = reader.number(), let revision = reader.number(), major < 100,
            minor < 1000, revision >= 54_000, revision < 60_000
        else { return nil }
        return revision
    }

    private mutating func refuse(_ isShort: Bool) -> UInt64? {
        self.isShort = isShort
        isNone = !isShort
        return nil
    }

    private static func isText(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
        for index in range.lowerBound..<min(range.upperBound, bytes.byteCount)
        where bytes.byte(index) < 0x20 || bytes.byte(index) == 0x7F { return false }
        return true
    }

    /// An address with a port; 0.0.0.0:0 where the client leaves that to the server.
    private static func isAddress(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
        let first = bytes.byte(range.lowerBound)
        guard range.lowerBound >= bytes.byteCount || first == 0x5B || first == 0x3A || first >= 0x30 && first <= 0x39
        else { return false }
        for index in range.lowerBound..<min(range.upperBound, bytes.byteCount) {
            let byte = bytes.byte(index)
            let isDigit = byte >= 0x30 && byte <= 0x3A || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66
            guard isDigit || byte == 0x2E || byte == 0x5B || byte == 0x5D || byte == 0x25 else { return false }
        }
        return true
    }

    /// The whole layout of one revision; false if the bytes do not fit it.
    private mutating func read(_ bytes: RawSpan, _ revision: UInt64) -> Bool {
        var reader = VarintReader(bytes, at: 1)
        reader.skipString()
        reader.skip(1)
        for _ in 0..<3 { reader.skipString() }
        if revision >= Revision.startTime { reader.skip(8) }
        guard reader.byte() == 1 else { return false }
        for _ in 0..<3 { reader.skipString() }
        for _ in 0..<3 { _ = reader.number() }
        if revision >= Revision.quotaKey { reader.skipString() }
        if revision >= Revision.distributedDepth { _ = reader.number() }
        if revision >= Revision.versionPatch { _ = reader.number() }
        if revision >= Revision.openTelemetry {
            guard let has = reader.byte(), has <= 1 else { return false }
            if has == 1 {
                reader.skip(24)
                reader.skipString()
                reader.skip(1)
            }
        }
        if revision >= Revision.parallelReplicas { for _ in 0..<3 { _ = reader.number() } }
        if revision >= Revision.lineNumbers { for _ in 0..<2 { _ = reader.number() } }
        if revision >= Revision.token {
            guard let has = reader.byte(), has <= 1 else { return false }
            if has == 1 { reader.skipString() }
        }
        guard Self.skipSettings(bytes, &reader, asStrings: revision >= Revision.settingsAsStrings) else { return false }
        if revision >= Revision.externalRoles { reader.skipString() }
        if revision >= Revision.secret { reader.skipString() }
        guard let stage = reader.number(), stage <= 7, let compression = reader.number(), compression <= 1,
            let text = reader.string(), text.count > 0
        else { return false }
        guard text.lowerBound <= bytes.byteCount, Self.isStatement(bytes, text) else { return false }
        statement = text.lowerBound
        statementLength = text.count
        return true
    }

    private static func isStatement(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
        for index in range.lowerBound..<min(range.upperBound, bytes.byteCount, range.lowerBound + 64) {
            let byte = bytes.byte(index)
            if byte < 0x20, byte < 0x09 || byte > 0x0D { return false }
        }
        return true
    }

    /// Names with flags and values, or (before 2019) with values of a type that only the name says: a number, or a string
    /// where that does not lead to another name.
    private static func skipSettings(_ bytes: RawSpan, _ reader: inout VarintReader, asStrings: Bool) -> Bool {
        for _ in 0..<512 {
            guard let name = reader.string() else { return false }
            if name.isEmpty { return true }
            guard isName(bytes, name) else { return false }
            if asStrings {
                guard reader.number() != nil, reader.string() != nil else { return false }
                continue
            }
            var asNumber = reader
            if asNumber.number() != nil, leadsOn(bytes, asNumber) {
                reader = asNumber
            } else {
                reader.skipString()
            }
        }
        return false
    }

    private static func leadsOn(_ bytes: RawSpan, _ reader: borrowing VarintReader) -> Bool {
        var reader = VarintReader(bytes, at: reader.position)
        guard let name = reader.string() else { return false }
        return name.isEmpty || isName(bytes, name)
    }

    private static func isName(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
        guard range.count >= 2, range.count <= 128, range.upperBound <= bytes.byteCount else { return false }
        for index in range {
            let byte = bytes.byte(index)
            guard byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte == 0x5F || byte >= 0x30 && byte <= 0x39
            else { return false }
        }
        return true
    }
}
