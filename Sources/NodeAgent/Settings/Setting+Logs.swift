import LogFiles
import Logs

extension Setting {
    func logPaths() throws(UsageError) -> [LogPathRule] {
        var rules: [LogPathRule] = []
        for text in texts {
            guard let rule = LogPathRule(text) else {
                throw wrong("\(UsageError.quoted(text)) is no absolute path, or CONTAINER= and such a path")
            }
            rules.append(rule)
        }
        return rules
    }

    func redaction() throws(UsageError) -> Redactor.Classes {
        var classes: Redactor.Classes = []
        for text in texts {
            guard let known = Redactor.Classes.names.first(where: { $0.name == text }) else {
                let names = Redactor.Classes.names.map(\.name).joined(separator: ", ")
                throw wrong("\(UsageError.quoted(text)) is nothing that can be hidden; there are \(names)")
            }
            classes.insert(known.value)
        }
        return classes
    }
}
