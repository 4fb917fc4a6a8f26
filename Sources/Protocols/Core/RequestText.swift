/// The texts of one request, as bytes of the wire: cut at a limit each, not checked to be UTF-8.
///
/// A value is used again for the next request: it keeps its memory.
public struct RequestText: Sendable {
    /// What a text is.
    public enum Kind: UInt8, Sendable {
        /// HTTP method, command of Redis or Memcached, operation of ZooKeeper, `query`, API of Kafka, DNS type.
        case operation
        /// HTTP request target, key, topic, subject, routing key, znode, domain name, `Service/Method`.
        case target
        /// Query or command text.
        case statement
        /// `http` or `https` where HTTP/2 says so.
        case scheme
        /// HTTP Host or `:authority`.
        case authority
        /// One of several keys (Memcached); may appear more than once.
        case item
        /// Database, keyspace or namespace.
        case database
        /// Message of an error answer.
        case error
        /// An address that a DNS answer gives: 4 or 16 bytes; may appear more than once.
        case address
    }

    public struct Entry: Sendable {
        public let kind: Kind
        /// Whether bytes are missing at its end. Not of statements: what marks a cut one (`...`) is a part of it.
        public let isCut: Bool
        let start: Int32
        let count: Int32
    }

    /// Texts of one request, at most.
    public static let maximumEntries = 24

    private var bytes: [UInt8] = []
    private var entries: [Entry] = []
    /// The trace that the request names.
    public var context: TraceContext?

    public init() {}

    public var isEmpty: Bool { entries.isEmpty && context == nil }
    /// Texts in the order in which they were added.
    public var count: Int { entries.count }

    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
        context = nil
    }

    /// Adds a text, the first `limit` bytes of it. What exceeds `maximumEntries` is left out.
    public mutating func add(_ kind: Kind, _ text: RawSpan, limit: Int = 1024, isCut: Bool = false) {
        guard entries.count < Self.maximumEntries else { return }
        let count = min(text.byteCount, limit)
        entries.append(
            Entry(
                kind: kind, isCut: isCut || count < text.byteCount, start: Int32(bytes.count), count: Int32(count)))
        text.withUnsafeBytes { bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    /// Adds a text that the program itself has.
    public mutating func add(_ kind: Kind, _ text: StaticString) {
        guard entries.count < Self.maximumEntries else { return }
        let source = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        entries.append(Entry(kind: kind, isCut: false, start: Int32(bytes.count), count: Int32(source.count)))
        bytes.append(contentsOf: source)
    }

    /// Adds several pieces as one text.
    public mutating func add(_ kind: Kind, joining body: (inout [UInt8]) -> Void) {
        guard entries.count < Self.maximumEntries else { return }
        let start = bytes.count
        body(&bytes)
        entries.append(Entry(kind: kind, isCut: false, start: Int32(start), count: Int32(bytes.count - start)))
    }

    /// Adds a statement that begins with an earlier text of the request; `mark` stands at its end.
    mutating func addStatement(after first: Entry, _ separator: StaticString, _ text: RawSpan, _ mark: StaticString) {
        guard entries.count < Self.maximumEntries else { return }
        let start = bytes.count
        for index in Int(first.start)..<Int(first.start + first.count) { bytes.append(bytes[index]) }
        append(separator)
        bytes.append(text)
        append(mark)
        entries.append(Entry(kind: .statement, isCut: false, start: Int32(start), count: Int32(bytes.count - start)))
    }

    /// Adds a statement: what `before` writes, the first `limit` bytes of `text`, and `...` if that is not all.
    mutating func addStatement(
        _ text: RawSpan, limit: Int, isCut: Bool, _ before: (inout [UInt8]) -> Void = { _ in }
    ) {
        guard entries.count < Self.maximumEntries else { return }
        let start = bytes.count
        before(&bytes)
        bytes.append(text.part(0, limit))
        if isCut || text.byteCount > limit { append("...") }
        entries.append(Entry(kind: .statement, isCut: false, start: Int32(start), count: Int32(bytes.count - start)))
    }

    private mutating func append(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Adds to the last text, which is of this very request.
    public mutating func extendLast(_ text: RawSpan, limit: Int = 1024) {
        guard let last = entries.popLast() else { return }
        let count = max(min(text.byteCount, limit - Int(last.count)), 0)
        text.withUnsafeBytes { bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        entries.append(
            Entry(
                kind: last.kind, isCut: last.isCut || count < text.byteCount, start: last.start,
                count: last.count + Int32(count)))
    }

    public subscript(index: Int) -> Entry { entries[index] }

    /// Lends the bytes of a text to `body`.
    public func withBytes<Result>(_ entry: Entry, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeBytes {
            body(UnsafeRawBufferPointer(rebasing: $0[Int(entry.start)..<Int(entry.start + entry.count)]))
        }
    }

    /// The first text of a kind.
    public func first(_ kind: Kind) -> Entry? { entries.first { $0.kind == kind } }

    /// The first text of a kind, mended where it is no UTF-8; nil if there is none.
    public func string(_ kind: Kind) -> String? {
        first(kind).map { withBytes($0) { String(decoding: $0, as: UTF8.self) } }
    }
}
