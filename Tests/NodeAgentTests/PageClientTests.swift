import Foundation
import Testing

@testable import NodeAgent

@Suite struct PageClientTests {
    private let client = PageClient(host: "127.0.0.1", port: 1)

    private func body(_ answer: String) throws -> String {
        String(decoding: try client.body(of: Array(answer.utf8)), as: UTF8.self)
    }

    @Test func bodies() throws {
        #expect(try body("HTTP/1.1 200 OK\r\n\r\nhello") == "hello")
        #expect(try body("HTTP/1.0 200 OK\r\nA: b\r\ncontent-length:  3\r\n\r\nhello") == "hel")
        #expect(
            try body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")
                == "hello")
    }

    @Test(arguments: [
        "", "HTTP/1.1 200 OK\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 503 No\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\nhello\r\n",
    ])
    func badAnswers(answer: String) {
        #expect(throws: PageClientError.self) { try body(answer) }
    }

    @Test func urls() {
        #expect(PageClient(url: "http://127.0.0.1:10300")?.url == "http://127.0.0.1:10300/metrics")
        #expect(PageClient(url: "http://host/")?.url == "http://host:80/metrics")
        #expect(PageClient(url: "http://[::1]:99/x?y")?.url == "http://[::1]:99/x?y")
        for text in ["", "x", "https://host", "ftp://host", "http://", "http://host:99999"] {
            #expect(PageClient(url: text) == nil)
        }
    }

    @Test func nobodyListens() {
        // Port 1 (tcpmux) is not in use on any machine of today.
        let error = #expect(throws: PageClientError.self) { try client.fetch() }
        #expect(
            error?.description == "no agent answers at http://127.0.0.1:1/metrics: Connection refused")
    }

    /// A server that takes connections and does not answer.
    @Test func silence() throws {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                #expect(bind(socket, generic, length) == 0)
                #expect(listen(socket, 1) == 0)
                #expect(getsockname(socket, generic, &length) == 0)
            }
        }
        var client = PageClient(host: "127.0.0.1", port: Int(UInt16(bigEndian: address.sin_port)))
        client.timeout = 100_000_000
        let error = #expect(throws: PageClientError.self) { try client.fetch() }
        #expect(error?.description.hasSuffix("did not answer in time") == true)
    }
}
