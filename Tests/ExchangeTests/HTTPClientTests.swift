import Foundation
import Linux
import TestSupport
import Testing

@testable import Exchange

/// Servers that answer in every wrong way; the client must end with the right error, in time.
extension ExchangeTests {
    @Suite struct HTTPClientTests {
        private func get(
            bodyLimit: Int = 1000, milliseconds: UInt64 = 2000, _ serve: @escaping @Sendable (Int32) -> Void
        ) throws -> HTTPClient.Response {
            let fixture = try FixtureDirectory()
            let server = try UnixServer(fixture.path + "/s") { client in
                UnixServer.request(client)
                serve(client)
            }
            defer { server.stop() }
            let client = HTTPClient(socketPath: "/s", root: RootDirectory(fixture.path), bodyLimit: bodyLimit)
            let start = MonotonicClock.now()
            defer { #expect(MonotonicClock.now() - start < (milliseconds + 1000) * 1_000_000) }
            return try client.get("/x", deadline: start + milliseconds * 1_000_000)
        }

        private func get(_ answer: String) throws -> HTTPClient.Response { try get { UnixServer.send($0, answer) } }

        private func body(_ answer: String) throws -> String { String(decoding: try get(answer).body, as: UTF8.self) }

        @Test func goodAnswers() throws {
            #expect(try body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more") == "ok")
            #expect(try body("HTTP/1.0 200 OK\r\n\r\nuntil the end") == "until the end")
            #expect(try body("HTTP/1.1 200 OK\ncontent-length:2\n\nok") == "ok")
            #expect(
                try body(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n")
                    == "ok0123456789")
            #expect(try body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") == "ok")
            #expect(try get("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").status == 404)
            #expect(try get("HTTP/1.1 204 No Content\r\n\r\n").body == [])
        }

        @Test func oneByteAtATime() throws {
            let response = try get { client in
                for byte in "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8 {
                    UnixServer.send(client, [byte])
                }
            }
            #expect(response.body == Array("abc".utf8))
        }

        @Test(arguments: [
            "", "\r\n", "garbage", "garbage\r\n\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1 abc\r\n\r\n",
            "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcdef\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        ])
        func malformed(_ answer: String) {
            let error = #expect(throws: ExchangeError.self) { _ = try get(answer) }
            switch error {
            case .malformed, .tooLarge: break
            default: Issue.record("\(String(describing: error))")
            }
        }

        @Test(arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n",
            "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 40_000),
            "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 40_000) + "\r\n\r\n",
            String(repeating: "x", count: 40_000),
        ])
        func tooLarge(_ answer: String) {
            let error = #expect(throws: ExchangeError.self) { _ = try get(answer) }
            guard case .tooLarge = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }

        @Test func endlessHeaders() {
            let error = #expect(throws: ExchangeError.self) {
                _ = try get { client in
                    UnixServer.send(client, "HTTP/1.1 200 OK\r\n")
                    while UnixServer.send(client, Array("X-Header: value\r\n".utf8)) {}
                }
            }
            #expect(error == .tooLarge(limit: 32768))
        }

        @Test func endlessContinues() {
            let error = #expect(throws: ExchangeError.self) {
                _ = try get(milliseconds: 300) { client in
                    while UnixServer.send(client, Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) {}
                }
            }
            #expect(error == .timedOut)
        }

        @Test func endlessBodyInSmallPieces() {
            let error = #expect(throws: ExchangeError.self) {
                _ = try get { client in
                    UnixServer.send(client, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    while UnixServer.send(client, Array("1\r\nx\r\n".utf8)) {}
                }
            }
            #expect(error == .tooLarge(limit: 1000))
        }

        @Test func hangs() {
            #expect(throws: ExchangeError.timedOut) {
                _ = try get(milliseconds: 200) { UnixServer.waitForEnd($0) }
            }
            #expect(throws: ExchangeError.timedOut) {
                _ = try get(milliseconds: 200) { client in
                    UnixServer.send(client, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
                    UnixServer.waitForEnd(client)
                }
            }
            // A byte now and then does not extend the time.
            #expect(throws: ExchangeError.timedOut) {
                _ = try get(milliseconds: 300) { client in
                    while UnixServer.send(client, [65]) { usleep(20_000) }
                }
            }
        }

        @Test func resets() throws {
            let fixture = try FixtureDirectory()
            // Closing a Unix socket with unread bytes resets it.
            let server = try UnixServer(fixture.path + "/s") { _ in usleep(50_000) }
            defer { server.stop() }
            let error = #expect(throws: ExchangeError.self) {
                _ = try HTTPClient(socketPath: "/s", root: RootDirectory(fixture.path))
                    .get("/", deadline: MonotonicClock.now() + 2_000_000_000)
            }
            #expect(error == .failed(Errno(ECONNRESET)))
        }

        @Test func nobodyListens() throws {
            let fixture = try FixtureDirectory()
            try fixture.write("file", "")
            let deadline = MonotonicClock.now() + 1_000_000_000
            for path in ["/absent", "/file", "/"] {
                let error = #expect(throws: ExchangeError.self) {
                    _ = try HTTPClient(socketPath: path, root: RootDirectory(fixture.path)).get(
                        "/", deadline: deadline)
                }
                guard case .unavailable = error else {
                    Issue.record("\(path): \(String(describing: error))")
                    return
                }
            }
        }

        @Test func fullBacklog() throws {
            let fixture = try FixtureDirectory()
            let server = try UnixServer(fixture.path + "/s", backlog: 0) { UnixServer.waitForEnd($0) }
            defer { server.stop() }
            // One connection is served for ever, another fills the backlog.
            let root = RootDirectory(fixture.path)
            let deadline = MonotonicClock.now() + 3_000_000_000
            let first = try SocketStream(connectingTo: "/s", root: root, deadline: deadline)
            usleep(50_000)
            let second = try SocketStream(connectingTo: "/s", root: root, deadline: deadline)
            #expect(throws: ExchangeError.timedOut) {
                _ = try HTTPClient(socketPath: "/s", root: root).get(
                    "/", deadline: MonotonicClock.now() + 100_000_000)
            }
            try first.write([1])
            try second.write([1])
        }

        @Test func longSocketPaths() throws {
            let fixture = try FixtureDirectory()
            let server = try UnixServer(fixture.path + "/s") { client in
                UnixServer.request(client)
                UnixServer.send(client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
            defer { server.stop() }
            let directory = String(repeating: "d", count: 200)
            try fixture.link("\(directory)/socket", to: "/s")
            let client = HTTPClient(socketPath: "/\(directory)/socket", root: RootDirectory(fixture.path))
            #expect(try client.get("/", deadline: MonotonicClock.now() + 1_000_000_000).status == 200)
        }

        private func client(_ port: UInt16) -> HTTPClient {
            HTTPClient(
                peer: .tcp(
                    address: "127.0.0.1", port: port,
                    makeSocket: { (family) throws(Errno) in try FileDescriptor.streamSocket(family) }),
                host: "metadata.test", bodyLimit: 1000)
        }

        @Test func requestsOverTCP() throws {
            let server = try LoopbackServer { client in
                let request = String(decoding: UnixServer.request(client), as: UTF8.self)
                let text = request.replacing("\r\n", with: "|")
                UnixServer.send(client, "HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
            }
            defer { server.stop() }
            let deadline = MonotonicClock.now() + 2_000_000_000
            let got = try client(server.port).get(
                "/a?b=c", headers: [("X-One", "1"), ("X-Two", "2")], deadline: deadline)
            let get = String(decoding: got.body, as: UTF8.self)
            #expect(get.hasPrefix("GET /a?b=c HTTP/1.1|Host: metadata.test|"))
            #expect(get.contains("|X-One: 1|X-Two: 2||"))
            let answer = try client(server.port).put("/token", headers: [("Accept", "text/plain")], deadline: deadline)
            let put = String(decoding: answer.body, as: UTF8.self)
            #expect(put.hasPrefix("PUT /token HTTP/1.1|"))
            #expect(put.contains("|Content-Length: 0|"))
            #expect(put.components(separatedBy: "Accept:").count == 2)
        }

        @Test func valuesMakeNoRequestOfTheirOwn() throws {
            #expect(throws: ExchangeError.malformed("control character in a header to send")) {
                _ = try client(1).get("/", headers: [("X-Token", "a\r\nX-Other: b")], deadline: .max)
            }
        }

        @Test func nobodyListensOnThePort() throws {
            let server = try LoopbackServer { _ in }
            server.stop()
            usleep(50_000)
            let error = #expect(throws: ExchangeError.self) {
                _ = try client(server.port).get("/", deadline: MonotonicClock.now() + 1_000_000_000)
            }
            #expect(error == .unavailable(Errno(ECONNREFUSED)))
        }

        @Test func hangsOverTCP() throws {
            let server = try LoopbackServer { UnixServer.waitForEnd($0) }
            defer { server.stop() }
            let begin = MonotonicClock.now()
            #expect(throws: ExchangeError.timedOut) {
                _ = try client(server.port).get("/", deadline: begin + 200_000_000)
            }
            #expect(MonotonicClock.now() - begin < 1_000_000_000)
        }
    }
}
