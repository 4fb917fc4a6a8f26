import Glibc
public import Linux

/// A conversation with a D-Bus peer or bus over its Unix socket (D-Bus Specification 0.43), blocking, within one deadline.
///
/// Only what it takes to read properties: the client side of SASL EXTERNAL, method calls with string arguments, replies that
/// hold one variant. Everything that is received is untrusted: a message is at most `messageLimit` bytes, all messages until a
/// reply together `inputLimit`.
public struct DBusConnection: ~Copyable {
    private static let messageLimit = 65_536
    private static let inputLimit = 262_144
    private static let lineLimit = 1024

    private let stream: SocketStream
    private var buffer: [UInt8] = []
    private var received = 0
    private var serial: UInt32 = 0

    /// Connects to the socket `path` below `root` and authenticates. A bus must be greeted before anything else
    /// (`isBus`), a peer, such as systemd's private socket, must not. `deadline` is on `MonotonicClock.now()` and covers
    /// everything that is done with the connection.
    public static func connect(
        to path: String, root: RootDirectory, isBus: Bool, deadline: UInt64
    ) throws(ExchangeError) -> DBusConnection {
        var connection = DBusConnection(
            stream: try SocketStream(connectingTo: path, root: root, deadline: deadline))
        try connection.begin(isBus: isBus)
        return connection
    }

    private init(stream: consuming SocketStream) { self.stream = stream }

    private mutating func begin(isBus: Bool) throws(ExchangeError) {
        let user = "\(geteuid())".utf8.map { String($0, radix: 16) }.joined()
        // BEGIN goes along: systemd 252 forgets a message that it reads together with BEGIN until another one comes, and by the
        // answer it has read BEGIN.
        try stream.write(Array("\0AUTH EXTERNAL \(user)\r\nBEGIN\r\n".utf8))
        let answer = try line()
        guard answer == "OK" || answer.hasPrefix("OK ") else {
            if answer == "REJECTED" || answer.hasPrefix("REJECTED ") { throw .failed(Errno(EACCES)) }
            throw .malformed("no D-Bus authentication")
        }
        if isBus {
            let name = "org.freedesktop.DBus"
            _ = try exchange(
                DBusCall(destination: name, path: "/org/freedesktop/DBus", interface: name, member: "Hello"))
        }
    }

    /// Calls a method that returns a variant; its strings, none where it holds another type. An error reply is `notFound`
    /// where the peer has no such object, interface or property, else `failed` with the error's nearest number.
    public mutating func callForVariant(_ call: DBusCall) throws(ExchangeError) -> [String] {
        let reply = try exchange(call)
        guard reply.signature == "v" else { throw .malformed("D-Bus reply is no variant") }
        var body = DBusDecoder(reply.body[...], isBigEndian: reply.isBigEndian)
        return try body.variant()
    }

    // MARK: Messages

    private struct Reply {
        var signature = ""
        var body: [UInt8] = []
        var isBigEndian = false
    }

    private mutating func exchange(_ call: DBusCall) throws(ExchangeError) -> Reply {
        serial += 1
        received = 0
        try stream.write(DBusEncoder.call(call, serial: serial))
        while true {
            let fixed = try take(16)
            guard fixed[0] == UInt8(ascii: "l") || fixed[0] == UInt8(ascii: "B"), fixed[3] == 1 else {
                throw .malformed("no D-Bus message")
            }
            let isBigEndian = fixed[0] == UInt8(ascii: "B")
            var sizes = DBusDecoder(fixed[...], isBigEndian: isBigEndian)
            _ = try sizes.number()
            let bodyLength = Int(try sizes.number())
            _ = try sizes.number()
            let fieldsLength = Int(try sizes.number())
            let paddedLength = (fieldsLength + 7) / 8 * 8
            guard bodyLength <= Self.messageLimit, paddedLength + bodyLength <= Self.messageLimit else {
                throw .tooLarge(limit: Self.messageLimit)
            }
            let rest = try take(paddedLength + bodyLength)
            // Method returns and errors; anything else, such as signals, is not asked for.
            guard fixed[1] == 2 || fixed[1] == 3 else { continue }
            let fields = try Self.fields(rest[..<fieldsLength], isBigEndian: isBigEndian)
            guard fields.replySerial == serial else { continue }
            if fixed[1] == 3 { throw Self.error(named: fields.errorName) }
            return Reply(signature: fields.signature, body: Array(rest[paddedLength...]), isBigEndian: isBigEndian)
        }
    }

    private static func fields(
        _ bytes: ArraySlice<UInt8>, isBigEndian: Bool
    ) throws(ExchangeError) -> (replySerial: UInt32?, errorName: String, signature: String) {
        var decoder = DBusDecoder(bytes, isBigEndian: isBigEndian)
        var (replySerial, errorName, signature) = (nil as UInt32?, "", "")
        while !decoder.isAtEnd {
            try decoder.align(to: 8)
            switch try decoder.byte() {
            case 4: errorName = try decoder.variant().first ?? ""
            case 5:
                guard try decoder.signature() == "u" else { throw .malformed("D-Bus serial of another type") }
                replySerial = try decoder.number()
            case 8: signature = try decoder.variant().first ?? ""
            default: _ = try decoder.variant()
            }
        }
        return (replySerial, errorName, signature)
    }

    private static func error(named name: String) -> ExchangeError {
        let prefix = "org.freedesktop.DBus.Error."
        guard name.hasPrefix(prefix) else { return .failed(Errno(EREMOTEIO)) }
        switch name.dropFirst(prefix.count) {
        case "UnknownObject", "UnknownInterface", "UnknownProperty", "UnknownMethod", "ServiceUnknown",
            "NameHasNoOwner":
            return .notFound
        case "AccessDenied", "AuthFailed": return .failed(Errno(EACCES))
        case "NoReply", "Timeout", "TimedOut": return .timedOut
        default: return .failed(Errno(EREMOTEIO))
        }
    }

    // MARK: Input

    private mutating func line() throws(ExchangeError) -> String {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                let line = buffer[..<end].filter { $0 != UInt8(ascii: "\r") }
                buffer.removeFirst(end + 1)
                return String(decoding: line, as: UTF8.self)
            }
            guard buffer.count <= Self.lineLimit else { throw .tooLarge(limit: Self.lineLimit) }
            try fill(limit: Self.lineLimit)
        }
    }

    private mutating func take(_ count: Int) throws(ExchangeError) -> [UInt8] {
        received += count
        guard received <= Self.inputLimit else { throw .tooLarge(limit: Self.inputLimit) }
        while buffer.count < count { try fill(limit: 16_384) }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    private mutating func fill(limit: Int) throws(ExchangeError) {
        guard try stream.read(appendingTo: &buffer, limit: limit) else { throw .malformed("the answer ends early") }
    }
}
