public import Linux

/// One unary gRPC call over a Unix socket: the least of HTTP/2 (RFC 9113) that a gRPC server needs to see.
///
/// Header blocks are sent as literals that enter no table, and received ones are skipped: whether a call succeeded
/// shows in whether it brought a message. So neither HPACK tables nor Huffman codes are needed.
public struct UnaryGRPC: Sendable {
    public let socketPath: String
    public let root: RootDirectory
    /// The most bytes of a response message.
    let messageLimit: Int

    public init(socketPath: String, root: RootDirectory, messageLimit: Int = JSONDocument.defaultSizeLimit) {
        self.socketPath = socketPath
        self.root = root
        self.messageLimit = messageLimit
    }

    private enum Frame {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let reset: UInt8 = 3
        static let settings: UInt8 = 4
        static let ping: UInt8 = 6
        static let goAway: UInt8 = 7
        static let windowUpdate: UInt8 = 8
        static let endStream: UInt8 = 1
        static let acknowledge: UInt8 = 1
        static let endHeaders: UInt8 = 4
        static let padded: UInt8 = 8
        /// What a peer may send unless told otherwise.
        static let sizeLimit = 16384
    }

    /// Calls `method` (`/package.Service/Method`) with an encoded message and returns the encoded response. A call that
    /// ends without a message, the way of gRPC errors, throws `.notFound`.
    public func call(
        _ method: String, headers: [(String, String)] = [], message: [UInt8], deadline: UInt64
    ) throws(ExchangeError) -> [UInt8] {
        let stream = try SocketStream(connectingTo: socketPath, root: root, deadline: deadline)
        var block = [UInt8]()
        let fields = [
            (":method", "POST"), (":scheme", "http"), (":path", method), (":authority", "localhost"),
            ("content-type", "application/grpc"), ("te", "trailers"),
        ]
        for (name, value) in fields + headers {
            // Literal without indexing, new name (RFC 7541, 6.2.2).
            block.append(0)
            Self.append(string: name, to: &block)
            Self.append(string: value, to: &block)
        }
        var request = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
        // SETTINGS_INITIAL_WINDOW_SIZE (4) and the connection's window: room for the whole response at once.
        let window = UInt32(messageLimit + 65536)
        Self.append(frame: Frame.settings, flags: 0, stream: 0, [0, 4] + Self.bigEndian(window), to: &request)
        Self.append(frame: Frame.windowUpdate, flags: 0, stream: 0, Self.bigEndian(window), to: &request)
        Self.append(frame: Frame.headers, flags: Frame.endHeaders, stream: 1, block, to: &request)
        let body = [0] + Self.bigEndian(UInt32(message.count)) + message
        Self.append(frame: Frame.data, flags: Frame.endStream, stream: 1, body, to: &request)
        try stream.write(request)
        let response = try receive(stream)

        if response.isEmpty { throw .notFound }
        guard response.count >= 5, response[0] == 0 else { throw .malformed("no plain gRPC message") }
        let length = response[1..<5].reduce(0) { $0 << 8 | Int($1) }
        guard length <= response.count - 5 else { throw .malformed("gRPC message ends early") }
        return Array(response[5..<(5 + length)])
    }

    private func receive(_ stream: borrowing SocketStream) throws(ExchangeError) -> [UInt8] {
        var input = [UInt8]()
        var position = 0
        var response = [UInt8]()
        while true {
            if position > 0 {
                input.removeFirst(position)
                position = 0
            }
            while input.count < 9 {
                guard try stream.read(appendingTo: &input) else { throw .malformed("the connection ends early") }
            }
            let length = Int(input[0]) << 16 | Int(input[1]) << 8 | Int(input[2])
            let type = input[3]
            let flags = input[4]
            let id = input[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
            guard length <= Frame.sizeLimit else { throw .malformed("HTTP/2 frame of \(length) bytes") }
            while input.count < 9 + length {
                guard try stream.read(appendingTo: &input) else { throw .malformed("the connection ends early") }
            }
            let payload = input[9..<(9 + length)]
            position = 9 + length

            switch type {
            case Frame.settings where flags & Frame.acknowledge == 0:
                try reply(Frame.settings, [], stream)
            case Frame.ping where flags & Frame.acknowledge == 0:
                try reply(Frame.ping, Array(payload), stream)
            case Frame.goAway: throw .malformed("the server refused the connection")
            case Frame.reset where id == 1: throw .malformed("the server reset the call")
            case Frame.data where id == 1:
                var data = payload
                if flags & Frame.padded != 0 {
                    guard let padding = data.popFirst(), Int(padding) <= data.count else { throw .malformed("padding") }
                    data.removeLast(Int(padding))
                }
                response += data
                guard response.count <= messageLimit + 5 else { throw .tooLarge(limit: messageLimit) }
                if flags & Frame.endStream != 0 { return response }
            case Frame.headers where id == 1:
                if flags & Frame.endStream != 0 { return response }
            default: break
            }
        }
    }

    private func reply(_ type: UInt8, _ payload: [UInt8], _ stream: borrowing SocketStream) throws(ExchangeError) {
        var frame = [UInt8]()
        Self.append(frame: type, flags: Frame.acknowledge, stream: 0, payload, to: &frame)
        try stream.write(frame)
    }

    private static func append(
        frame type: UInt8, flags: UInt8, stream: UInt32, _ payload: [UInt8], to buffer: inout [UInt8]
    ) {
        buffer += bigEndian(UInt32(payload.count)).dropFirst()
        buffer += [type, flags]
        buffer += bigEndian(stream)
        buffer += payload
    }

    /// A string without Huffman coding; its length has a prefix of seven bits (RFC 7541, 5.1).
    private static func append(string: String, to block: inout [UInt8]) {
        var length = string.utf8.count
        if length < 127 {
            block.append(UInt8(length))
        } else {
            block.append(127)
            length -= 127
            while length >= 128 {
                block.append(UInt8(length & 127) | 128)
                length >>= 7
            }
            block.append(UInt8(length))
        }
        block += string.utf8
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
    }
}
