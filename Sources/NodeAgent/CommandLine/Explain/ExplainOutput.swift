import Containers

/// Lines of JSON (RFC 8259), written in blocks. What is written is valid whatever the names hold.
struct ExplainOutput {
    private static let blockSize = 65_536

    private let descriptor: Int32
    private var bytes: [UInt8] = []

    init(to descriptor: Int32) {
        self.descriptor = descriptor
        bytes.reserveCapacity(Self.blockSize + 32_768)
    }

    /// One line. `otherwise` is the rule where nothing could be classified.
    mutating func write(
        input: String, _ classification: CgroupClassification?, identity: ContainerIdentity?, otherwise: String
    ) {
        add("input", input, first: true)
        add("runtime", (classification?.kind ?? .unknown).name)
        add("id", String(classification?.name ?? ""))
        add("container_id", identity?.containerID ?? "")
        add("app_id", identity?.appID ?? "")
        add("rule", classification?.rule ?? otherwise)
        bytes.append(contentsOf: [UInt8(ascii: "}"), UInt8(ascii: "\n")])
        if bytes.count >= Self.blockSize { flush() }
    }

    mutating func flush() {
        StandardStreams.write(bytes, to: descriptor)
        bytes.removeAll(keepingCapacity: true)
    }

    private mutating func add(_ key: StaticString, _ value: String, first: Bool = false) {
        bytes.append(first ? UInt8(ascii: "{") : UInt8(ascii: ","))
        bytes.append(UInt8(ascii: "\""))
        key.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: [UInt8(ascii: "\""), UInt8(ascii: ":"), UInt8(ascii: "\"")])
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(Self.digit(byte >> 4))
                bytes.append(Self.digit(byte & 15))
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
