@testable import Logs
@testable import Protocols

/// Parsers of texts: statements, headers, patterns of paths, secrets in logs.
extension FuzzTarget {
    /// The first byte says of which protocol the statement is.
    static func statement(_ bytes: [UInt8]) {
        let protocols = ApplicationProtocol.allCases
        let chosen = protocols[Int(bytes.first ?? 0) % protocols.count]
        let statement = Array(bytes.dropFirst())
        // What was written before stays, whatever it looks like.
        let before = Array("(?, ".utf8)
        var shape = before
        statement.withUnsafeBytes { StatementObfuscator.obfuscate($0, of: chosen, into: &shape) }
        precondition(shape.starts(with: before))
        precondition(shape.count - before.count <= statement.count + 1, "longer than the statement")
        // Nothing is a string or a number in what is left.
        var again = [UInt8]()
        Array(shape[before.count...]).withUnsafeBytes { StatementObfuscator.obfuscate($0, of: chosen, into: &again) }
        precondition(again.elementsEqual(shape[before.count...]), "a shape has another shape")
    }

    /// Headers, a line each: the first byte says which.
    static func traceHeaders(_ bytes: [UInt8]) {
        let names: [TraceHeaders.Name] = [.traceparent, .b3, .b3TraceID, .b3SpanID, .b3Sampled, .b3Flags]
        var headers = TraceHeaders()
        for line in bytes.split(separator: 0x0A) {
            let value = Array(line.dropFirst())
            value.withUnsafeBytes {
                headers.take(names[Int(line[line.startIndex]) % names.count], RawSpan(_unsafeBytes: $0))
            }
            if let context = headers.context {
                precondition(context.traceHigh | context.traceLow != 0 && context.parent != 0)
            }
        }
    }

    /// A pattern, a 0, and a path.
    static func pathPattern(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts.count > 1 ? Array(parts[1]) : []
        let text = String(decoding: parts[0], as: UTF8.self)
        guard let pattern = PathPattern(text) else { return }
        let fits = path.withUnsafeBytes { pattern.matches($0) }
        // The query is not looked at.
        if !path.contains(UInt8(ascii: "?")) {
            precondition((path + [UInt8(ascii: "?"), 1]).withUnsafeBytes { pattern.matches($0) } == fits)
        }
    }

    /// The first byte says what is looked for; a name and a value are parted by a 0.
    static func redaction(_ bytes: [UInt8]) {
        let redactor = Redactor(Redactor.Classes(rawValue: (bytes.first ?? 7) & 7))
        let text = Array(bytes.dropFirst())
        if redactor.redact(text.span) {
            precondition(redactor.count > 0)
            // The shortest secret, a character with a name before it, becomes seven.
            precondition(redactor.text.count <= 7 * text.count)
        }
        let parts = text.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return }
        let (name, value) = (Array(parts[0]), Array(parts[1]))
        if redactor.redact(value.span, named: name.span) { precondition(redactor.text.count <= 7 * value.count) }
    }
}
