/// Names as they are shown: with what makes one service out of many names taken away, as coroot-node-agent does it.
public enum DomainName {
    /// Longest name kept, in bytes (RFC 1035).
    private static let maximumLength = 253
    private static let topLevel: Set<Substring> = ["com", "net", "org", "io"]

    /// The name without its last dot and in lower case, and then
    /// - of a reverse look-up, `IP.in-addr.arpa` for every address;
    /// - of an instance in EC2 (`ip-10-0-0-1.ec2.internal`), `IP.ec2.internal`;
    /// - of a name with a search domain behind a top-level one (`example.com.cluster.local`), the part in front of it and
    ///   `.search_path_suffix`.
    public static func normalised(_ name: String) -> String {
        var text = String(name.utf8.prefix(maximumLength)) ?? ""
        text = text.lowercased()
        while text.hasSuffix(".") { text.removeLast() }
        if text.hasSuffix(".in-addr.arpa") { return "IP.in-addr.arpa" }
        if text.hasSuffix(".ip6.arpa") { return "IP.ip6.arpa" }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        if labels.count > 1, labels[0].hasPrefix("ip-"), labels[1].hasPrefix("ec2") {
            return "IP." + labels.dropFirst().joined(separator: ".")
        }
        for index in labels.indices.dropFirst().dropLast() where topLevel.contains(labels[index]) {
            return labels[...index].joined(separator: ".") + ".search_path_suffix"
        }
        return text
    }
}
