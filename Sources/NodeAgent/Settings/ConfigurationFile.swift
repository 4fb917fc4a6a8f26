import Linux

/// The YAML file of `--config`: one mapping from names of options to a scalar or, for repeatable options, a list.
///
/// The file comes from people, so that it is read strictly: no nesting, no anchors, aliases or tags, no key twice, no
/// key that is no option. What is read is bounded by the file's size.
struct ConfigurationFile: Sendable {
    /// What the file says of one option.
    struct Entry: Hashable, Sendable {
        var values: [String]
        /// Counted from 1.
        var line: Int
    }

    /// Why the file cannot be used: its path, the line where there is one, and what is wrong.
    struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        let path: String
        /// Counted from 1; nil if it is not about a line.
        let line: Int?
        let problem: String

        var description: String {
            let place = UsageError.oneLine(path) + (line.map { " line \($0)" } ?? "")
            return "\(place): \(problem)"
        }
    }

    /// Largest file in bytes.
    static let maximumSize = 1 << 20

    let path: String
    let entries: [AgentOption: Entry]

    /// Reads the file at `path`.
    init(path: String) throws(Failure) {
        let content: [UInt8]
        do throws(Errno) {
            content = try SmallFile.bytes(path, limit: Self.maximumSize)
        } catch {
            let problem = error == .tooLarge ? "the file is larger than 1 MiB" : "cannot read the file: \(error)"
            throw Failure(path: path, line: nil, problem: problem)
        }
        try self.init(path: path, content: content)
    }

    /// Reads `content`, which was found at `path`.
    init(path: String, content: [UInt8]) throws(Failure) {
        self.path = path
        var events = try YAMLEvents.read(content, path: path)[...]
        guard let first = events.popFirst(), first.kind != .scalar("", isPlain: true) else {
            entries = [:]
            return
        }
        guard case .mappingStart = first.kind else {
            throw Failure(path: path, line: first.line, problem: "the file is no mapping of options to values")
        }
        var entries: [AgentOption: Entry] = [:]
        while let key = events.popFirst(), key.kind != .mappingEnd {
            guard case .scalar(let name, _) = key.kind else {
                throw Failure(path: path, line: key.line, problem: "the name of an option is missing")
            }
            guard let option = AgentOption(rawValue: name), option != .config else {
                throw Failure(
                    path: path, line: key.line,
                    problem: "\(UsageError.quoted(name)) is no option (names are those of the flags, without --)")
            }
            guard entries[option] == nil else {
                throw Failure(path: path, line: key.line, problem: "\(name) is there twice")
            }
            entries[option] = Entry(
                values: try Self.values(of: option, from: &events, path: path, line: key.line), line: key.line)
        }
        self.entries = entries
    }

    private static func values(
        of option: AgentOption, from events: inout ArraySlice<YAMLEvent>, path: String, line: Int
    ) throws(Failure) -> [String] {
        func scalar(_ event: YAMLEvent) throws(Failure) -> String {
            guard case .scalar(let text, let isPlain) = event.kind else {
                let problem = "the value of \(option.rawValue) is nested too deeply"
                throw Failure(path: path, line: event.line, problem: problem)
            }
            if isPlain, text.isEmpty || text == "~" || text == "null" {
                throw Failure(
                    path: path, line: event.line, problem: "\(option.rawValue) has no value; write '' for an empty one")
            }
            return text
        }
        guard let first = events.popFirst() else {
            throw Failure(path: path, line: line, problem: "\(option.rawValue) has no value")
        }
        guard case .sequenceStart = first.kind else { return [try scalar(first)] }
        guard option.isRepeatable else {
            throw Failure(path: path, line: first.line, problem: "\(option.rawValue) takes one value, not a list")
        }
        var values: [String] = []
        while let event = events.popFirst(), event.kind != .sequenceEnd { values.append(try scalar(event)) }
        return values
    }
}
