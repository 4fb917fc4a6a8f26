/// What the handlers of one server connection tell each other, on the network thread.
final class ConnectionState {
    /// Bytes that arrived since the last complete request.
    var requestBytes = 0
    /// True from the end of a request until its response is sent.
    var isResponding = false
}
