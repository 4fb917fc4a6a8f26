import Containers
import Export
import Glibc
import Host
import Kernel
import Linux
import Logging
import Signals

/// An option with the text that was given for it and where, and the readings of that text.
///
/// Every reading throws a `UsageError` that names the option, the place, what is wrong and what would be right.
struct Setting: Hashable, Sendable {
    let option: AgentOption
    /// One text, or any number of them for a repeatable option.
    let texts: [String]
    let origin: SettingOrigin

    /// The text of an option that takes one.
    func text() -> String { texts.last ?? "" }

    /// As coroot-node-agent reads booleans (Go's `strconv.ParseBool`).
    func boolean() throws(UsageError) -> Bool {
        switch text() {
        case "1", "t", "T", "true", "TRUE", "True": return true
        case "0", "f", "F", "false", "FALSE", "False": return false
        default: throw wrong("\(UsageError.quoted(text())) is neither true nor false")
        }
    }

    /// Nanoseconds of a duration that is not negative.
    func duration(allowsZero: Bool = true) throws(UsageError) -> UInt64 {
        guard let duration = GoDuration(text()) else {
            throw wrong("\(UsageError.quoted(text())) is not a duration (a number with a unit: ns, us, ms, s, m, h)")
        }
        guard duration.nanoseconds >= 0 else { throw wrong("\(UsageError.quoted(text())) is negative") }
        guard duration.nanoseconds > 0 || allowsZero else { throw wrong("the duration must be more than 0") }
        return UInt64(duration.nanoseconds)
    }

    func pathPatterns() throws(UsageError) -> [PathPattern] {
        var patterns: [PathPattern] = []
        for text in texts {
            guard let pattern = PathPattern(text) else {
                throw wrong("\(UsageError.quoted(text)) is no pattern of paths (*, ?, [a-z], {one,two})")
            }
            patterns.append(pattern)
        }
        return patterns
    }

    /// A number that is not negative; `inf` is one.
    func number() throws(UsageError) -> Double {
        guard let number = Double(text()), number >= 0 else {
            throw wrong("\(UsageError.quoted(text())) is not a number of 0 or more")
        }
        return number
    }

    func count(in range: ClosedRange<Int> = 0...1_000_000_000) throws(UsageError) -> Int {
        guard let number = Int(text()), range.contains(number) else {
            throw wrong(
                "\(UsageError.quoted(text())) is not a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Bytes, as coroot-node-agent reads them: a whole number and a unit, where a KB, MB or GB is 1024 times the one before.
    func size() throws(UsageError) -> Int {
        let units: [(String, Int)] = [
            ("KIB", 10), ("MIB", 20), ("GIB", 30), ("KB", 10), ("MB", 20), ("GB", 30), ("K", 10), ("M", 20), ("G", 30),
            ("B", 0), ("", 0),
        ]
        let given = text().uppercased()
        for (unit, shift) in units where given.hasSuffix(unit) {
            let digits = given.dropLast(unit.utf8.count)
            guard digits.allSatisfy({ "0"..."9" ~= $0 }), let number = Int(digits), number <= 1 << (50 - shift) else {
                break
            }
            return number << shift
        }
        throw wrong("\(UsageError.quoted(text())) is not a size (a whole number with a unit: B, KB, MB, GB)")
    }

    /// A path that need not exist yet.
    func path() throws(UsageError) -> String {
        guard !text().isEmpty, !text().utf8.contains(0) else { throw wrong("the path is empty") }
        return text()
    }

    func cidrBlocks() throws(UsageError) -> [CIDRBlock] {
        var blocks: [CIDRBlock] = []
        for text in texts {
            guard let block = CIDRBlock(text) else {
                throw wrong("\(UsageError.quoted(text)) is not a network in CIDR notation")
            }
            blocks.append(block)
        }
        return blocks
    }

    func portRanges() throws(UsageError) -> PortRanges {
        guard let ranges = PortRanges(text()) else {
            throw wrong("\(UsageError.quoted(text())) is not a list of port ranges FIRST-LAST from 0 to 65535")
        }
        return ranges
    }

    /// Names of container labels.
    func containerLabels() throws(UsageError) -> [ContainerLabel] {
        var labels: [ContainerLabel] = []
        for text in texts {
            guard let label = ContainerLabel(text) else { throw wrong("a label has a name") }
            if let other = labels.first(where: { $0.metricName == label.metricName }), other != label {
                throw wrong("\(UsageError.quoted(other.name)) and \(UsageError.quoted(text)) become one label")
            }
            labels.append(label)
        }
        guard labels.count <= Self.labelLimit else { throw wrong("more than \(Self.labelLimit) labels") }
        return labels
    }

    /// The most labels of containers that are copied.
    private static let labelLimit = 32

    /// Regular expressions, each of which can be compiled.
    func patterns() throws(UsageError) -> [String] {
        for text in texts {
            do {
                _ = try ContainerFilter(allow: [text])
            } catch {
                let reason = UsageError.oneLine(error.reason)
                throw wrong("\(UsageError.quoted(text)) is not a regular expression: \(reason)")
            }
        }
        return texts
    }

    func listenAddress() throws(UsageError) -> String {
        do {
            return try ListenAddress(text()).description
        } catch {
            throw wrong("\(UsageError.quoted(text())) is not HOST:PORT")
        }
    }

    /// An absolute http or https URL; nil if the text is empty.
    func url() throws(UsageError) -> String? {
        text().isEmpty ? nil : try Self.checked(text(), self)
    }

    /// Absolute http or https URLs, none of them twice. A text may hold several, with commas between them.
    func urls() throws(UsageError) -> [String] {
        var urls: [String] = []
        for text in texts {
            var parts: [String] = []
            // A URL may have commas, too.
            for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                let part = String(part.drop { $0 == " " })
                if part.contains("://") || parts.isEmpty {
                    parts.append(part)
                } else {
                    parts[parts.count - 1] += "," + part
                }
            }
            for part in parts where !part.isEmpty {
                let url = try Self.checked(part, self)
                guard !urls.contains(url) else { throw wrong("\(UsageError.quoted(url: url)) is there twice") }
                urls.append(url)
            }
        }
        return urls
    }

    private static func checked(_ text: String, _ setting: Setting) throws(UsageError) -> String {
        do {
            _ = try Export.Endpoint(text)
        } catch {
            throw setting.wrong("\(UsageError.quoted(url: text)) is not a URL to send to: \(error.reason)")
        }
        return text
    }

    /// Extra HTTP headers, `NAME=VALUE`. Values may be secrets: no message shows one.
    func headers() throws(UsageError) -> [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        for text in texts {
            guard let equals = text.firstIndex(of: "=") else { throw wrong("a header has no = after its name") }
            let name = String(text[..<equals])
            let value = String(text[text.index(after: equals)...])
            guard !name.isEmpty, name.utf8.allSatisfy(Self.isTokenByte) else {
                throw wrong("\(UsageError.quoted(name)) is not the name of a header")
            }
            guard !Self.ownHeaders.contains(name.lowercased()) else { throw wrong("\(name) is set by the agent") }
            guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }), value.first != " ", value.last != " " else {
                throw wrong("the value of \(name) has blanks at its ends or bytes that no header has")
            }
            headers.append((name, value))
        }
        return headers
    }

    /// Headers that the protocol and the connection need.
    private static let ownHeaders: Set<String> = [
        "host", "connection", "content-length", "content-type", "content-encoding", "transfer-encoding",
        "proxy-authorization", "x-prometheus-remote-write-version",
    ]

    /// RFC 9110, section 5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    /// A file whose first line is a secret.
    func secretFile() throws(UsageError) -> SecretFile {
        let file = SecretFile(try path())
        do throws(SecretFileError) { _ = try file.text() } catch {
            throw wrong("cannot use \(UsageError.quoted(file.path)): \(error.reason)")
        }
        return file
    }

    /// The path of a file with a private key; nil if the text is empty.
    func keyFile() throws(UsageError) -> String? {
        if text().isEmpty { return nil }
        try checkReadable()
        do throws(TLSError) { try TLSFiles.checkKey(text()) } catch {
            throw wrong("\(UsageError.quoted(text())) holds no private key in PEM form, or one with a passphrase")
        }
        return text()
    }

    /// What can be the value of an HTTP header; the text is a secret, so no message shows it.
    func secret() throws(UsageError) -> String? {
        guard text().utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw wrong("the key holds blanks, line ends or bytes that are not ASCII")
        }
        return text().isEmpty ? nil : text()
    }

    /// A short text that can be the value of a label; empty stands for not given.
    func label() throws(UsageError) -> String {
        guard text().utf8.count <= 256, text().utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw wrong("the text is longer than 256 bytes or holds control characters")
        }
        return text()
    }

    /// Names of capabilities, with or without `CAP_`; `none` for none; nil if the text is empty.
    func capabilities() throws(UsageError) -> Set<Capabilities.Name>? {
        if text().isEmpty { return nil }
        if text() == "none" { return [] }
        var names: Set<Capabilities.Name> = []
        for part in text().split(separator: ",", omittingEmptySubsequences: false) {
            guard let name = Capabilities.Name(text: part.drop { $0 == " " }) else {
                let known = Capabilities.Name.allCases.map { $0.text.dropFirst(4).lowercased() }.joined(separator: ", ")
                throw wrong("\(UsageError.quoted(String(part))) is no capability that the agent uses (none, \(known))")
            }
            names.insert(name)
        }
        return names
    }

    /// `USER` or `USER:GROUP`, by name or number; nil if the text is empty.
    func user() throws(UsageError) -> String? {
        if text().isEmpty { return nil }
        do {
            _ = try PrivilegeDrop.find(text())
        } catch {
            throw wrong(error.description)
        }
        return text()
    }

    func directory() throws(UsageError) -> String {
        var status = Glibc.stat()
        guard stat(text(), &status) == 0 else { throw wrong("cannot use \(UsageError.quoted(text())): \(Errno.last)") }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw wrong("\(UsageError.quoted(text())) is no directory") }
        return text()
    }

    /// The path of something that need not exist yet; nil if the text is empty.
    func absolutePath() throws(UsageError) -> String? {
        if text().isEmpty { return nil }
        guard text().hasPrefix("/") else { throw wrong("\(UsageError.quoted(text())) does not begin with a slash") }
        return text()
    }

    /// The path of a readable file with certificates; nil if the text is empty.
    func certificateFile() throws(UsageError) -> String? {
        if text().isEmpty { return nil }
        try checkReadable()
        do throws(TLSError) { try TLSFiles.checkCertificates(text()) } catch {
            throw wrong("\(UsageError.quoted(text())) holds no certificate in PEM form")
        }
        return text()
    }

    private func checkReadable() throws(UsageError) {
        do throws(Errno) { _ = try SmallFile.bytes(text(), limit: 16 << 20) } catch {
            throw wrong("cannot read \(UsageError.quoted(text())): \(error)")
        }
    }

    /// The name of one of swift-log's levels.
    func logLevel() throws(UsageError) -> String {
        let name = text().lowercased() == "warn" ? "warning" : text().lowercased()
        guard Logger.Level(rawValue: name) != nil else {
            let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw wrong("\(UsageError.quoted(text())) is not a level (\(names))")
        }
        return name
    }

    func choice<Value: RawRepresentable<String> & CaseIterable>(of type: Value.Type) throws(UsageError) -> Value {
        guard let value = Value(rawValue: text()) else {
            let names = type.allCases.map(\.rawValue).joined(separator: ", ")
            throw wrong("\(UsageError.quoted(text())) is none of \(names)")
        }
        return value
    }

    func wrong(_ problem: String) -> UsageError {
        UsageError(option: option, origin: origin, problem: problem)
    }
}
