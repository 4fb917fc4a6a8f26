internal import Containers
internal import Linux
internal import Protocols
internal import Ring
internal import Traces

/// Requests of containers about which it is not known yet who they are, or whether they are reported: their spans wait until it is.
///
/// Invariants: at most `maximumHeld`, none longer than `longestWait`; what is given up is counted. Used on the events lane only.
struct HeldSpans {
    static let maximumHeld = 4096
    private static let longestWait: UInt64 = 30_000_000_000

    private struct Held {
        let since: UInt64
        let container: Container
        let exchange: Exchange
        let text: RequestText
        let peer: RequestPeer
    }

    private var held: [Held] = []
    /// Spans that were never sent because too many waited, or nobody found out whose they are.
    private(set) var dropped: UInt64 = 0

    init() {}

    var isEmpty: Bool { held.isEmpty }

    /// The agent ends: what waits is counted as given up.
    mutating func giveUp() {
        dropped &+= UInt64(held.count)
        held = []
    }

    mutating func add(_ exchange: Exchange, _ text: RequestText, _ peer: RequestPeer, _ container: Container) {
        guard held.count < Self.maximumHeld else {
            dropped &+= 1
            return
        }
        held.append(
            Held(since: MonotonicClock.now(), container: container, exchange: exchange, text: text, peer: peer))
    }

    /// Hands on those whose containers are known by now; those of containers that are not reported have no span.
    mutating func flush(to spans: any SpanSink) {
        if held.isEmpty { return }
        let now = MonotonicClock.now()
        var left: [Held] = []
        for entry in held {
            let isDone = entry.container.onLane((entry, spans)) { container, call in
                guard container.isDecided else { return false }
                if let resource = container.traceResource {
                    call.1.take(call.0.exchange, call.0.text, call.0.peer, from: resource)
                }
                return true
            }
            if isDone { continue }
            if now > entry.since + Self.longestWait { dropped &+= 1 } else { left.append(entry) }
        }
        held = left
    }
}
