/// A label that the runtime or Kubernetes knows of a container, and the label of `container_info` that it becomes.
public struct ContainerLabel: Sendable, Hashable {
    /// As the runtime spells it: `com.example.team`.
    public let name: String
    /// `label_` and the name, with `_` for what a label name of Prometheus may not hold: `label_com_example_team`.
    public let metricName: String

    /// Nil for an empty name.
    public init?(_ name: String) {
        if name.isEmpty { return nil }
        self.name = name
        let bytes = name.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                byte
            default: UInt8(ascii: "_")
            }
        }
        metricName = "label_" + String(decoding: bytes, as: UTF8.self)
    }
}
