public import Protocols

/// Who makes spans of the exchanges of all containers.
///
/// Called on the lane of events for every exchange that may have a span, while a segment is being read: it never blocks, keeps nothing of `text`,
/// and chooses by itself which exchanges have a span. Texts are worth asking for only where there is such a sink.
public protocol SpanSink: AnyObject, Sendable {
    /// Whether inbound exchanges have spans; they are not handed over otherwise.
    var takesInbound: Bool { get }

    /// - Parameter owner: the container whose request it is: of an outbound one who sent it, of an inbound one who served it.
    func take(_ exchange: Exchange, _ text: borrowing RequestText, _ peer: RequestPeer, from owner: ResourceFacts)
}
