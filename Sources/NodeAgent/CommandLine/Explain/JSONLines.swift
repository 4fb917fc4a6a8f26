/// Lines of JSON (RFC 8259), written in blocks. What is written is valid whatever the texts hold.
struct JSONLines {
    private static let blockSize = 65_536

    private let descriptor: Int32
    private var bytes: [UInt8] = []
    private var isFirst = true

    init(to descriptor: Int32) {
        self.descriptor = descriptor
        bytes.reserveCapacity(Self.blockSize + 32_768)
    }

    /// Begins a line's object.
    mutating func begin() {
        bytes.append(UInt8(ascii: "{"))
        isFirst = true
    }

    /// Ends the line.
    mutating func end() {
        bytes.append(contentsOf: [UInt8(ascii: "}"), UInt8(ascii: "\n")])
        if bytes.count >= Self.blockSize { flush() }
    }

    mutating func flush() {
        StandardStreams.write(bytes, to: descriptor)
        bytes.removeAll(keepingCapacity: true)
    }

    mutating func add(_ key: String, _ value: String) {
        addKey(key)
        addString(value)
    }

    /// A member that is an object with members of its own.
    mutating func add(_ key: String, _ members: (inout JSONLines) -> Void) {
        addKey(key)
        bytes.append(UInt8(ascii: "{"))
        isFirst = true
        members(&self)
        bytes.append(UInt8(ascii: "}"))
        isFirst = false
    }

    private mutating func addKey(_ key: String) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        addString(key)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func addString(_ text: String) { JSONText.append(text, to: &bytes) }
}
