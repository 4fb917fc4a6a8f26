/// A setting that is wrong: one line that names the option, where it was set, what is wrong and what would be right.
struct UsageError: Error, Hashable, Sendable, CustomStringConvertible {
    let option: AgentOption
    let origin: SettingOrigin
    let problem: String
    /// What would be right, where that is not another value of the option.
    var example: String?

    var description: String {
        let place: String
        let right: String
        switch origin {
        case .flag:
            place = ""
            right = "\(option.flag)=\(option.example)"
        case .environment:
            place = " (environment variable \(option.environmentName))"
            right = "\(option.environmentName)=\(option.example)"
        case .file(let path, let line):
            place = " (\(Self.oneLine(path)) line \(line))"
            right = "\(option.rawValue): \(option.example)"
        }
        return "\(option.flag)\(place): \(problem); write for example \(example ?? right)"
    }

    /// `text` in quotes, cut after 100 characters, without line ends or other control characters.
    static func quoted(_ text: String) -> String {
        text.count > 100 ? "\"\(oneLine(String(text.prefix(100))))…\"" : "\"\(oneLine(text))\""
    }

    /// `url` in quotes, without what may be a secret in it: user and password, and the query.
    static func quoted(url: String) -> String {
        var text = url[...]
        var end = ""
        if let question = text.firstIndex(of: "?") { (text, end) = (text[..<question], "?…") }
        guard let at = text.lastIndex(of: "@") else { return quoted(String(text) + end) }
        let scheme = text.firstIndex(of: "/").map { text[...$0].hasSuffix(":/") ? "\(text[...$0])/" : "" } ?? ""
        return quoted(scheme + "…" + text[at...] + end)
    }

    /// `text` with every control character replaced, so that it fits in a line and cannot steer a terminal.
    static func oneLine(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            scalars.append(scalar.properties.generalCategory == .control ? " " : scalar)
        }
        return String(scalars)
    }
}
