import Glibc
import Linux
import TestSupport
import Testing

@testable import Exchange

/// Servers that answer in every wrong way; the client must end with the right error, in time.
extension ExchangeTests {
    @Suite struct UnixHTTPClientTests {
        private func get(
            bodyLimit: Int = 1000, milliseconds: UInt64 = 2000, _ serve: @escaping @Sendable (Int32) -> Void
        ) throws -> UnixHTTPClient.Response {
            let fixture = try FixtureDirectory()
            let server = try UnixServer(fixture.path + "/s") { client in
                UnixServer.request(client)
                serve(client)
            }
            defer { server.stop() }
            let client = UnixHTTPClient(socketPath: "/s", root: RootDirectory(fixture.path), bodyLimit: bodyLimit)
            let start = MonotonicClock.now()
            defer { #expect(MonotonicClock.now() - start < (milliseconds + 1000) * 1_000_000) }
            return try client.get("/x", deadline: start + milliseconds * 1_000_000)
        }

        private func get(_ answer: String) throws -> UnixHTTPClient.Response { try get { UnixServer.send($0, answer) } }

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
                _ = try UnixHTTPClient(socketPath: "/s", root: RootDirectory(fixture.path))
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
                    _ = try UnixHTTPClient(socketPath: path, root: RootDirectory(fixture.path)).get(
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
            let first = try UnixStream(connectingTo: "/s", root: root, deadline: deadline)
            usleep(50_000)
            let second = try UnixStream(connectingTo: "/s", root: root, deadline: deadline)
            #expect(throws: ExchangeError.timedOut) {
                _ = try UnixHTTPClient(socketPath: "/s", root: root).get(
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
            let client = UnixHTTPClient(socketPath: "/\(directory)/socket", root: RootDirectory(fixture.path))
            #expect(try client.get("/", deadline: MonotonicClock.now() + 1_000_000_000).status == 200)
        }
    }
}
