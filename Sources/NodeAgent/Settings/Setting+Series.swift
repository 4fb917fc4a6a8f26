import Metrics

/// Readings of settings about series.
extension Setting {
    /// Names of metrics, perhaps with `*` and `?`.
    func metricPatterns() throws(UsageError) -> [String] {
        for text in texts where !MetricFilter.isPattern(text) {
            throw wrong("\(UsageError.quoted(text)) is not the name of a metric (letters, digits, _ and :, or * and ?)")
        }
        return texts
    }

    /// `name=value`, each name once.
    func externalLabels() throws(UsageError) -> [LabelSet.Pair] {
        var labels: [LabelSet.Pair] = []
        for text in texts {
            guard let split = text.firstIndex(of: "=") else {
                throw wrong("\(UsageError.quoted(text)) is not name=value")
            }
            let (name, value) = (String(text[..<split]), String(text[text.index(after: split)...]))
            guard ExternalLabel.isName(name) else {
                throw wrong("\(UsageError.quoted(name)) is not the name of a label (letters, digits and _)")
            }
            guard !name.hasPrefix("__") else {
                throw wrong("\(UsageError.quoted(name)) begins with __, which is the receiver's")
            }
            guard !ExternalLabel.ownNames.contains(name) else {
                throw wrong("\(UsageError.quoted(name)) is a label by which the agent tells series apart")
            }
            guard !labels.contains(where: { $0.name == name }) else {
                throw wrong("\(UsageError.quoted(name)) is given twice")
            }
            let isPlain = value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
            guard !value.isEmpty, value.utf8.count <= 256, isPlain else {
                throw wrong("the value of \(UsageError.quoted(name)) is empty, longer than 256 bytes or not plain text")
            }
            labels.append((name, value))
        }
        guard labels.count <= ExternalLabel.limit else { throw wrong("more than \(ExternalLabel.limit) labels") }
        return labels
    }

    /// A count that is not 0.
    func positiveCount() throws(UsageError) -> Int {
        let number = try count()
        guard number > 0 else { throw wrong("the limit must be more than 0") }
        return number
    }
}
