/// Prepared statements of one connection: name or id → text.
///
/// Invariants: at most `limit` statements and `textLimit` + 3 bytes of each; the oldest goes first. An unknown name stays
/// unknown: no other statement's text is ever given for it.
struct StatementCache {
    private struct Statement {
        var name: [UInt8]
        var text: [UInt8]
    }

    let limit: Int
    let textLimit: Int
    private var statements: [Statement] = []
    private var next = 0

    init(limit: Int = 128, textLimit: Int) {
        self.limit = limit
        self.textLimit = textLimit
    }

    var count: Int { statements.count }

    /// Remembers `text`, with `...` if it is cut. `name`: at most 255 bytes, longer ones are not remembered.
    mutating func set(_ name: RawSpan, _ text: RawSpan, isCut: Bool) {
        guard name.byteCount <= 255 else { return }
        let position: Int
        if let index = index(of: name) {
            position = index
        } else if statements.count < limit {
            position = statements.count
            statements.append(Statement(name: [], text: []))
        } else {
            position = next
            next = next + 1 == limit ? 0 : next + 1
        }
        name.withUnsafeBytes { statements[position].name.replaceSubrange(0..., with: $0) }
        text.part(0, textLimit).withUnsafeBytes { statements[position].text.replaceSubrange(0..., with: $0) }
        if isCut || text.byteCount > textLimit { statements[position].text += [0x2E, 0x2E, 0x2E] }
    }

    /// Remembers a text that has its mark already.
    mutating func set(_ name: RawSpan, marked text: RawSpan) {
        set(name, text.part(0, textLimit), isCut: false)
        guard text.byteCount > textLimit, let index = index(of: name) else { return }
        statements[index].text.append(text.part(textLimit, textLimit + 3))
    }

    mutating func forget(_ name: RawSpan) {
        guard let index = index(of: name) else { return }
        statements.swapAt(index, statements.count - 1)
        statements.removeLast()
        if next >= statements.count { next = 0 }
    }

    /// Lends the text to `body`; returns whether there is one.
    func with(_ name: RawSpan, _ body: (RawSpan) -> Void) -> Bool {
        guard let index = index(of: name) else { return false }
        statements[index].text.withUnsafeBytes { body(RawSpan(_unsafeBytes: $0)) }
        return true
    }

    private func index(of name: RawSpan) -> Int? {
        statements.firstIndex { statement in
            guard statement.name.count == name.byteCount else { return false }
            for position in 0..<name.byteCount where statement.name[position] != name.byte(position) { return false }
            return true
        }
    }
}
