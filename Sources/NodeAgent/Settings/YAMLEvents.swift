import CYaml

/// Reads YAML with libyaml, as far as a configuration file needs it.
enum YAMLEvents {
    /// Deepest nesting that is read; a list in the one mapping has depth 2.
    private static let maximumDepth = 2

    /// The events of the only document in `content`; none if it is empty. Throws at anchors, aliases, tags, a second
    /// document, too much nesting and whatever libyaml cannot read.
    static func read(_ content: [UInt8], path: String) throws(ConfigurationFile.Failure) -> [YAMLEvent] {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else {
            throw ConfigurationFile.Failure(path: path, line: nil, problem: "no memory for reading it")
        }
        defer { yaml_parser_delete(&parser) }
        // The parser keeps the pointer: both live in this closure only.
        return try content.withUnsafeBufferPointer { buffer throws(ConfigurationFile.Failure) in
            yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            return try read(&parser, path: path)
        }
    }

    private static func read(
        _ parser: inout yaml_parser_t, path: String
    ) throws(ConfigurationFile.Failure) -> [YAMLEvent] {
        var events: [YAMLEvent] = []
        var depth = 0
        var documents = 0
        while true {
            var event = yaml_event_t()
            guard yaml_parser_parse(&parser, &event) == 1 else { throw failure(of: parser, path: path) }
            defer { yaml_event_delete(&event) }
            let line = Int(event.start_mark.line) + 1
            func refuse(_ problem: String) -> ConfigurationFile.Failure {
                ConfigurationFile.Failure(path: path, line: line, problem: problem)
            }
            var kind: YAMLEvent.Kind?
            var anchor: UnsafeMutablePointer<yaml_char_t>?
            var tag: UnsafeMutablePointer<yaml_char_t>?
            switch event.type {
            case YAML_STREAM_END_EVENT: return events
            case YAML_DOCUMENT_START_EVENT:
                documents += 1
                if documents > 1 { throw refuse("there is a second document") }
            case YAML_ALIAS_EVENT: throw refuse("aliases (*name) are not allowed")
            case YAML_SCALAR_EVENT:
                let scalar = event.data.scalar
                let bytes = UnsafeBufferPointer(start: scalar.value, count: Int(scalar.length))
                kind = .scalar(
                    String(decoding: bytes, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
                (anchor, tag) = (scalar.anchor, scalar.tag)
            case YAML_SEQUENCE_START_EVENT:
                kind = .sequenceStart
                (anchor, tag) = (event.data.sequence_start.anchor, event.data.sequence_start.tag)
                depth += 1
            case YAML_SEQUENCE_END_EVENT:
                kind = .sequenceEnd
                depth -= 1
            case YAML_MAPPING_START_EVENT:
                kind = .mappingStart
                (anchor, tag) = (event.data.mapping_start.anchor, event.data.mapping_start.tag)
                depth += 1
            case YAML_MAPPING_END_EVENT:
                kind = .mappingEnd
                depth -= 1
            default: break
            }
            if anchor != nil { throw refuse("anchors (&name) are not allowed") }
            if tag != nil { throw refuse("tags (!name) are not allowed") }
            if depth > maximumDepth { throw refuse("the value is nested too deeply") }
            if let kind { events.append(YAMLEvent(kind: kind, line: line)) }
        }
    }

    private static func failure(of parser: yaml_parser_t, path: String) -> ConfigurationFile.Failure {
        let problem = parser.problem.map { String(cString: $0) } ?? "it cannot be read"
        // Errors of the reader (bytes that are no UTF-8) come with an offset only.
        let line: Int? = parser.error == YAML_READER_ERROR ? nil : Int(parser.problem_mark.line) + 1
        return ConfigurationFile.Failure(path: path, line: line, problem: "not YAML: \(UsageError.oneLine(problem))")
    }
}
