/// Makes frames of HTTP/2 (RFC 9113) for tests.
enum HTTP2Bytes {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + settings
    static let settings = frame(4, 0, 0, [0, 3, 0, 0, 0, 100])

    static func frame(_ kind: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let count = payload.count
        let head: [UInt8] = [
            UInt8(count >> 16), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF), kind, flags,
            UInt8(stream >> 24), UInt8(stream >> 16 & 0xFF), UInt8(stream >> 8 & 0xFF), UInt8(stream & 0xFF),
        ]
        return head + payload
    }

    /// A literal field; entered into the table if `isIndexed`.
    static func field(_ name: String, _ value: String, isIndexed: Bool = false) -> [UInt8] {
        [isIndexed ? 0x40 : 0] + string(name) + string(value)
    }

    private static func string(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var (head, rest): ([UInt8], Int) = ([127], bytes.count - 127)
        while rest >= 128 {
            head.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return head + [UInt8(rest)] + bytes
    }

    static func get(_ path: String) -> [UInt8] { [0x82, 0x86] + field(":path", path) + field(":authority", "host") }

    static func headers(_ stream: UInt32, _ block: [UInt8], end: Bool = false) -> [UInt8] {
        frame(1, end ? 5 : 4, stream, block)
    }

    static func data(_ stream: UInt32, _ count: Int, end: Bool = false) -> [UInt8] {
        frame(0, end ? 1 : 0, stream, [UInt8](repeating: 0x64, count: count))
    }

    static func call(_ stream: UInt32, _ path: String = "/pkg.Service/Method") -> [UInt8] {
        headers(
            stream,
            [0x83, 0x86] + field(":path", path) + field("content-type", "application/grpc")
                + field("te", "trailers")) + data(stream, 20, end: true)
    }

    static let grpcHead: [UInt8] = [0x88] + field("content-type", "application/grpc+proto")

    static func trailers(_ stream: UInt32, _ status: Int) -> [UInt8] {
        headers(stream, field("grpc-status", "\(status)") + field("grpc-message", "why"), end: true)
    }
}
