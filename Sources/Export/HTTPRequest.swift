import NIOCore
import NIOHTTP1

/// A POST on its way through a connection.
struct HTTPRequest: Sendable {
    let head: HTTPRequestHead
    let body: ByteBuffer
    /// Hears the answer or what went wrong; a second result is ignored.
    let answer: EventLoopPromise<HTTPResponse>
}
