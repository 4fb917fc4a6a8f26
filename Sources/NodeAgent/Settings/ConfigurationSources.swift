import Export
import Glibc

/// The places where options are set. A flag wins over the environment, the environment over the file; values of a
/// repeatable option come from one place only.
struct ConfigurationSources: Sendable {
    /// The texts of the flags that were given.
    var flags: [AgentOption: [String]]
    /// By the names of `AgentOption.environmentName`.
    var environment: [String: String]
    /// The file that `--config` or `CONFIG` names.
    var file: ConfigurationFile?

    init(flags: [AgentOption: [String]] = [:], environment: [String: String] = [:], file: ConfigurationFile? = nil) {
        self.flags = flags
        self.environment = environment
        self.file = file
    }

    /// Takes the flags and the environment, and reads the file that they name.
    static func load(
        flags: [AgentOption: [String]], environment: [String: String] = Self.processEnvironment()
    ) throws(UsageError) -> ConfigurationSources {
        var sources = ConfigurationSources(flags: flags, environment: environment)
        if let setting = sources.setting(.config) {
            do throws(ConfigurationFile.Failure) {
                sources.file = try ConfigurationFile(path: setting.text())
            } catch {
                // A file that could be read needs another line, not another name.
                throw UsageError(
                    option: .config, origin: setting.origin, problem: error.description,
                    example: error.line == nil ? nil : "min-container-age: 30s")
            }
        }
        return sources
    }

    /// What was set for `option`; nil leaves the default. An empty environment variable counts as not set, as it does
    /// for coroot-node-agent.
    func setting(_ option: AgentOption) -> Setting? {
        if let texts = flags[option], !texts.isEmpty {
            return Setting(option: option, texts: texts, origin: .flag)
        }
        if let text = environment[option.environmentName], !text.isEmpty {
            return Setting(option: option, texts: option.isRepeatable ? Self.lines(text) : [text], origin: .environment)
        }
        if let file, let entry = file.entries[option] {
            return Setting(option: option, texts: entry.values, origin: .file(path: file.path, line: entry.line))
        }
        return nil
    }

    /// The environment variables of this process that belong to options, and those that name proxies.
    static func processEnvironment() -> [String: String] {
        var found: [String: String] = [:]
        for option in AgentOption.allCases {
            if let value = getenv(option.environmentName) { found[option.environmentName] = String(cString: value) }
        }
        for name in ProxySettings.variables {
            if let value = getenv(name) { found[name] = String(cString: value) }
        }
        return found
    }

    /// Lines that end with LF or CR LF; the end of the last may be missing.
    private static func lines(_ text: String) -> [String] {
        var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map(String.init)
        if lines.last == "" { lines.removeLast() }
        return lines
    }
}
