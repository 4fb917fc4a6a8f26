/// Items of OTLP, spans or log records, on their way into one request: grouped by resource, under one scope.
///
/// `ExportTraceServiceRequest` and `ExportLogsServiceRequest` (opentelemetry/proto/collector/{trace,logs}/v1) nest alike, by the
/// same field numbers: resource_spans or resource_logs 1, in it resource 1, scope_spans or scope_logs 2 and schema_url 3, in
/// those scope 1 and the items 2. Items are written one after the other as they come; which resource they belong to is kept
/// beside them, run by run, and `finish` copies them group by group. So every outer length is known when it is written.
///
/// Nothing is allocated for an item once the buffers have grown; a resource costs some at its first item in a batch.
struct OTLPBatch: ~Copyable, Sendable {
    /// Items of one resource that follow each other.
    private struct Run {
        let start: Int
        var end: Int
        /// The next run of the same resource; -1 for none.
        var next: Int
    }

    private struct Group {
        /// In `resources`: the attributes.
        let resource: Range<Int>
        let firstRun: Int
        var lastRun: Int
        /// Of its items.
        var bytes: Int
    }

    /// Resources in one batch, at most.
    static let mostGroups = 4096

    /// The items, each with tag and length.
    var items: WireBuffer
    private var resources = ResourceEncoder()
    private var runs: [Run] = []
    private var groups: [Group] = []
    private var numbers: [ObjectIdentifier: Int] = [:]
    /// An identity counts only while its object lives.
    private var owners: [any ResourceOwner] = []
    private var lastOwner: ObjectIdentifier?
    private var lastGroup = 0
    private var opened = 0
    /// `ScopeSpans.scope` (1) with tag and length; empty for none.
    private let scope: [UInt8]
    /// `ResourceSpans.schema_url` (3) with tag and length; empty for none.
    private let schema: [UInt8]

    /// Items so far.
    private(set) var count = 0

    /// Bytes of the request, about: without the lengths around groups.
    var byteCount: Int { items.count + resources.bytes.count }
    var isFull: Bool { groups.count >= Self.mostGroups }

    init(scopeName: String, scopeVersion: String, schemaURL: String) {
        items = WireBuffer()
        var fields = WireBuffer()
        if !scopeName.isEmpty { fields.appendField(1, scopeName) }
        if !scopeVersion.isEmpty { fields.appendField(2, scopeVersion) }
        var scope = WireBuffer()
        if fields.count > 0 {
            scope.appendFieldHeader(1, length: fields.count)
            scope.append(fields)
        }
        self.scope = scope.bytes.withUnsafeBytes { Array($0) }
        var schema = WireBuffer()
        if !schemaURL.isEmpty { schema.appendField(3, schemaURL) }
        self.schema = schema.bytes.withUnsafeBytes { Array($0) }
    }

    /// Begins an item; its fields are appended to `items`.
    mutating func open(_ owner: any ResourceOwner) {
        let identity = ObjectIdentifier(owner)
        if identity != lastOwner { select(owner, identity) }
        items.append(Protobuf.tag(2, .lengthDelimited))
        opened = items.openLength()
    }

    /// Appends a whole item, whose fields `write` writes, at most `size` bytes.
    @inline(__always)
    mutating func append(_ owner: any ResourceOwner, _ size: Int, _ write: (inout FieldWriter) -> Void) {
        let identity = ObjectIdentifier(owner)
        if identity != lastOwner { select(owner, identity) }
        let start = items.count
        let begin = items.room(size + 5)
        var writer = FieldWriter(begin + 5)
        write(&writer)
        let end = writer.target
        writer.target = begin
        writer.byte(Protobuf.tag(2, .lengthDelimited))
        writer.longLength(end - begin - 5)
        items.advance(end - begin)
        note(start)
    }

    /// Ends the item.
    mutating func close() {
        items.closeLength(opened)
        note(opened - 1)
    }

    /// Counts the item that begins at `start` as one of the resource's.
    @inline(__always)
    private mutating func note(_ start: Int) {
        count += 1
        let last = groups[lastGroup].lastRun
        groups[lastGroup].bytes += items.count - start
        if last == runs.count - 1, last >= 0, runs[last].end == start {
            runs[last].end = items.count
        } else {
            runs[last].next = runs.count
            groups[lastGroup].lastRun = runs.count
            runs.append(Run(start: start, end: items.count, next: -1))
        }
    }

    /// Appends the request and forgets the items.
    mutating func finish(into request: inout WireBuffer) {
        for group in groups {
            let scopeLength = scope.count + group.bytes
            let resourceLength =
                Protobuf.fieldSize(group.resource.count) + Protobuf.fieldSize(scopeLength) + schema.count
            request.appendFieldHeader(1, length: resourceLength)
            request.appendFieldHeader(1, length: group.resource.count)
            Self.copy(resources.bytes, group.resource, to: &request)
            request.appendFieldHeader(2, length: scopeLength)
            request.append(scope)
            var run = group.firstRun
            while run >= 0 {
                Self.copy(items, runs[run].start..<runs[run].end, to: &request)
                run = runs[run].next
            }
            request.append(schema)
        }
        removeAll()
    }

    private static func copy(_ source: borrowing WireBuffer, _ range: Range<Int>, to target: inout WireBuffer) {
        let bytes = source.bytes
        bytes.withUnsafeBytes { target.append(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    private mutating func removeAll() {
        items.removeAll(keepingAtMost: 4 << 20)
        resources.bytes.removeAll(keepingAtMost: 1 << 20)
        runs.removeAll(keepingCapacity: true)
        groups.removeAll(keepingCapacity: true)
        numbers.removeAll(keepingCapacity: true)
        owners.removeAll(keepingCapacity: true)
        lastOwner = nil
        count = 0
    }

    /// Makes `owner` the one of the next item.
    private mutating func select(_ owner: any ResourceOwner, _ identity: ObjectIdentifier) {
        lastOwner = identity
        if let number = numbers[identity] {
            lastGroup = number
            return
        }
        let start = resources.bytes.count
        owner.describe(&resources)
        lastGroup = groups.count
        numbers[identity] = lastGroup
        owners.append(owner)
        // An empty run, so that there is always a last one.
        groups.append(
            Group(resource: start..<resources.bytes.count, firstRun: runs.count, lastRun: runs.count, bytes: 0))
        runs.append(Run(start: items.count, end: items.count, next: -1))
    }
}
