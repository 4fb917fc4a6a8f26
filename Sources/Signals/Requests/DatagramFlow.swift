internal import CEvents
internal import Containers
internal import Protocols

/// DNS by datagram of one container, in both directions.
///
/// Used on the events lane only.
final class DatagramFlow: ExchangeReceiver {
    private static let longestAnswer: UInt64 = 60_000_000_000

    private let container: Container
    private let settings: RequestSettings
    private var asked: DNSDatagrams
    private var served: DNSDatagrams
    private var isInbound = false
    private(set) var isIdle = false

    init(_ container: Container, _ settings: RequestSettings) {
        self.container = container
        self.settings = settings
        asked = DNSDatagrams(options: settings.parsing, limit: 1024)
        served = DNSDatagrams(options: settings.parsing, limit: 1024)
    }

    func take(_ datagram: martlet_datagram, _ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 2 else { return }
        isIdle = false
        let isAnswer = bytes[2] & 0x80 != 0
        let isSent = datagram.flags & UInt8(MARTLET_SEGMENT_SENT) != 0
        let span = RawSpan(_unsafeBytes: bytes)
        let tail = max(Int(datagram.length) - bytes.count, 0)
        // Who sends a question, or gets an answer, is the one who asks.
        isInbound = isSent == isAnswer
        let (side, socket, time) = (isAnswer ? Side.server : .client, datagram.ends.id, datagram.header.time_ns)
        if isInbound {
            served.take(span, tail: tail, socket: socket, from: side, at: time, self)
        } else {
            asked.take(span, tail: tail, socket: socket, from: side, at: time, self)
        }
    }

    func giveUp(at time: UInt64) {
        let deadline = time > Self.longestAnswer ? time - Self.longestAnswer : 0
        isInbound = false
        asked.giveUp(before: deadline, at: time, self)
        isInbound = true
        served.giveUp(before: deadline, at: time, self)
        isIdle = true
    }

    func receive(_ exchange: Exchange, _ text: borrowing RequestText) {
        settings.report(exchange, text, of: container, isInbound: isInbound)
    }
}
