/// What a label may be called that is added to every series.
enum ExternalLabel {
    static let limit = 32

    /// By these the agent tells series of one metric apart: given to all series, they would make one of many.
    static let ownNames: Set<String> = [
        "actual_destination", "application_type", "container_id", "destination", "destination_ip", "device",
        "direction", "domain", "endpoint", "event", "family", "feature", "fqdn", "gpu_uuid", "interface", "ip", "kind",
        "le",
        "level", "library", "limit", "listen_addr", "method", "mode", "mount_point", "pattern_hash", "program", "proxy",
        "queue", "reason", "request_type", "result", "ring",
        "sample", "signal", "source", "state", "status", "type", "volume", "which",
    ]

    /// The Prometheus data model: `[a-zA-Z_][a-zA-Z0-9_]*`.
    static func isName(_ text: String) -> Bool {
        let isWord = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return isWord && !(text.utf8.first.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? true)
    }
}
