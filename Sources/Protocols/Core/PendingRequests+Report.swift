extension PendingRequests {
    /// Takes the request at `index` away and tells `receiver` what became of it. An `end` of nil: its answer was not seen, so
    /// that nothing is known of its duration.
    mutating func report(
        at index: Int = 0, _ applicationProtocol: ApplicationProtocol, _ status: ExchangeStatus, end: UInt64?,
        to receiver: any ExchangeReceiver
    ) {
        remove(at: index) {
            receiver.receive(
                Exchange(applicationProtocol, status: status, start: $0.start, end: end ?? $0.start), $0.text)
        }
    }

    /// Reports requests from before `deadline` as unanswered, and takes them away.
    mutating func giveUp(
        before deadline: UInt64, at time: UInt64, _ applicationProtocol: ApplicationProtocol,
        to receiver: any ExchangeReceiver
    ) {
        while let oldest, oldest < deadline {
            report(applicationProtocol, .unanswered, end: time, to: receiver)
        }
    }

    /// Makes room for one more: the oldest is reported as one of which nothing is known.
    mutating func makeRoom(_ applicationProtocol: ApplicationProtocol, _ receiver: any ExchangeReceiver) {
        if isFull { report(applicationProtocol, .unknown, end: nil, to: receiver) }
    }
}
