/// DNS by datagrams (RFC 1035): pairs questions and answers of many sockets.
public struct DNSDatagrams {
    /// - Parameter limit: questions that wait for their answers, at most.
    public init(options: ParsingOptions, limit: Int) {}

    /// Reads one datagram of a socket.
    public mutating func take(
        _ datagram: RawSpan, socket: UInt64, from side: Side, at time: UInt64, _ receiver: any ExchangeReceiver
    ) {}

    /// Questions from before `deadline` are counted as unanswered.
    public mutating func giveUp(before deadline: UInt64, at time: UInt64, _ receiver: any ExchangeReceiver) {}
}
