import Protocols

/// Reads both sides of a connection as the agent does, and keeps what it would record.
final class RequestExplainer: ExchangeReceiver {
    struct Exchange {
        var method: String
        var target: String
        /// As the metrics' label; empty where nothing is counted.
        var status: String
        var statement: String
        var attributes: [(key: String, value: String)]
    }

    /// Exchanges that are kept, at most.
    static let maximumExchanges = 10_000
    /// Bytes of a segment, as a network might carry them.
    private static let segment = 4096

    let expected: ApplicationProtocol?
    private(set) var detected: ApplicationProtocol?
    private(set) var exchanges: [Exchange] = []
    private(set) var omitted = 0

    private let options = ParsingOptions(wantsText: true, textLimit: 4096)
    private var time: UInt64 = 1

    init(expected: ApplicationProtocol?) { self.expected = expected }

    func read(request: [UInt8], response: [UInt8]) {
        let isDatagram = expected == .dns && !Self.hasLength(request)
        if !isDatagram { readConnection(request, response) }
        guard exchanges.isEmpty, isDatagram || expected == nil && detected == nil else { return }
        readDatagrams(request, response)
    }

    /// DNS over TCP has a length before each message.
    private static func hasLength(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 2 else { return false }
        let length = Int(bytes[0]) << 8 | Int(bytes[1])
        return length >= 12 && length <= bytes.count - 2
    }

    private func readConnection(_ request: [UInt8], _ response: [UInt8]) {
        let conversation = Conversation(options: options, expected: expected)
        // The beginnings of both sides first: they may have to be compared.
        let (asked, answered) = (min(request.count, Self.segment), min(response.count, Self.segment))
        feed(request[..<asked], .client, conversation)
        feed(response[..<answered], .server, conversation)
        feed(request[asked...], .client, conversation)
        feed(response[answered...], .server, conversation)
        if case .known(let found) = conversation.verdict { detected = found }
        conversation.giveUp(before: .max, at: time, self)
    }

    private func feed(_ bytes: ArraySlice<UInt8>, _ side: Side, _ conversation: Conversation) {
        var rest = bytes
        while !rest.isEmpty {
            time += 1
            let part = rest.prefix(Self.segment)
            part.withUnsafeBytes {
                conversation.take(RawSpan(_unsafeBytes: $0), from: side, at: time, missing: 0, tail: 0, self)
            }
            rest = rest.dropFirst(part.count)
        }
    }

    private func readDatagrams(_ request: [UInt8], _ response: [UInt8]) {
        var datagrams = DNSDatagrams(options: options, limit: 16)
        for (bytes, side) in [(request, Side.client), (response, .server)] where !bytes.isEmpty {
            time += 1
            bytes.withUnsafeBytes {
                datagrams.take(RawSpan(_unsafeBytes: $0), socket: 1, from: side, at: time, self)
            }
        }
        datagrams.giveUp(before: .max, at: time, self)
        if !exchanges.isEmpty { detected = .dns }
    }

    func receive(_ exchange: Protocols.Exchange, _ text: borrowing RequestText) {
        guard exchanges.count < Self.maximumExchanges else {
            omitted += 1
            return
        }
        let isMessage = exchange.method != .request
        let operation = text.string(.operation) ?? ""
        var attributes: [(key: String, value: String)] = []
        if isMessage { attributes.append(("operation", operation)) }
        for index in 0..<text.count {
            let entry = text[index]
            guard let key = Self.attribute(entry.kind) else { continue }
            let value = text.withBytes(entry) { bytes in
                entry.kind == .address ? Self.address(bytes) : String(decoding: bytes, as: UTF8.self)
            }
            if let same = attributes.firstIndex(where: { $0.key == key }) {
                attributes[same].value += " " + value
            } else {
                attributes.append((key, value))
            }
        }
        if let context = text.context {
            attributes.append(("trace_id", Self.hexadecimal(context.traceHigh) + Self.hexadecimal(context.traceLow)))
            attributes.append(("parent_span_id", Self.hexadecimal(context.parent)))
        }
        if let code = Self.code(exchange.status) { attributes.append(("status_code", "\(code)")) }
        exchanges.append(
            Exchange(
                method: isMessage ? "\(exchange.method)" : operation, target: text.string(.target) ?? "",
                status: exchange.status.label(for: exchange.applicationProtocol, isInbound: false).map { "\($0)" }
                    ?? "",
                statement: text.string(.statement) ?? "", attributes: attributes))
    }

    private static func attribute(_ kind: RequestText.Kind) -> String? {
        switch kind {
        case .operation, .target, .statement: nil
        default: "\(kind)"
        }
    }

    /// The protocol's own number.
    private static func code(_ status: ExchangeStatus) -> Int? {
        switch status {
        case .http(let code): Int(code)
        case .grpc(let code), .dns(let code): Int(code)
        case .zookeeper(let code): Int(code)
        case .ok, .failed, .unknown, .unanswered: nil
        }
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// An address of four bytes with dots, of sixteen in groups without abbreviation.
    private static func address(_ bytes: UnsafeRawBufferPointer) -> String {
        if bytes.count == 4 { return bytes.map { "\($0)" }.joined(separator: ".") }
        return stride(from: 0, to: bytes.count - 1, by: 2).map {
            String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16)
        }.joined(separator: ":")
    }
}
