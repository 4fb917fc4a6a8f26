import Foundation
import Testing

extension SystemTests {
    /// `martlet-node explain request`, as a user calls it.
    @Suite struct ExplainRequest {
        private struct Line: Decodable, Equatable {
            var detected: String?
            var `protocol`: String
            var method: String
            var target: String
            var status: String
            var statement: String
            var attributes: [String: String]
        }

        /// Calls the command as an unprivileged user, which is all that it takes.
        private func explain(_ request: Data, _ response: Data? = nil, as name: String? = nil) throws -> (
            lines: [Line], errors: String
        ) {
            let scratch = try Scratch()
            defer { scratch.remove() }
            var arguments = ["--request", scratch.file("request")]
            try request.write(to: URL(fileURLWithPath: scratch.file("request")))
            if let response {
                try response.write(to: URL(fileURLWithPath: scratch.file("response")))
                arguments += ["--response", scratch.file("response")]
            }
            if let name { arguments += ["--protocol", name] }
            let result = try Command.run(
                ["setpriv", "--reuid", "65534", "--clear-groups", Machine.agent, "explain", "request"] + arguments,
                seconds: 60)
            #expect(result.status == 0, "\(result.errors)")
            let lines = try result.output.split(separator: "\n").map {
                try JSONDecoder().decode(Line.self, from: Data($0.utf8))
            }
            return (lines, result.errors)
        }

        @Test func `messages of a broker`() throws {
            let request = Data("CONNECT {}\r\nPUB orders.new 2\r\nhi\r\n".utf8)
            let response = Data("INFO {}\r\nMSG orders.new 1 2\r\nhi\r\n".utf8)
            for name in ["nats", nil] {
                let lines = try explain(request, response, as: name).lines
                #expect(
                    lines.map(\.method) == ["produce", "consume"]
                        && lines.map(\.target) == ["orders.new", "orders.new"])
                #expect(lines.allSatisfy { $0.protocol == "nats" && $0.status == "ok" })
                #expect(lines.allSatisfy { $0.detected == (name == nil ? "nats" : nil) })
            }
        }

        @Test func `a request with and without its answer`() throws {
            let request = Data([0, 0, 0, 15, 0, 0, 0, 7, 0, 0, 0, 3, 0, 0, 0, 2] + Array("/a\u{0}".utf8))
            let answer = Data([0, 0, 0, 16, 0, 0, 0, 7] + [UInt8](repeating: 0, count: 8) + [0xFF, 0xFF, 0xFF, 0x9B])
            let answered = try explain(request, answer, as: "zookeeper").lines
            #expect(answered.map(\.status) == ["ok"] && answered.first?.attributes["status_code"] == "-101")
            #expect(answered.first?.method == "exists" && answered.first?.target == "/a")
            #expect(try explain(request).lines.map(\.status) == ["unanswered"])
        }

        @Test func `bytes of nothing`() throws {
            var generator = SystemRandomNumberGenerator()
            let noise = Data((0..<100_000).map { _ in UInt8.random(in: 0...255, using: &generator) })
            for data in [Data(), noise] {
                let (lines, errors) = try explain(data, data)
                #expect(lines.map(\.detected) == ["none"] && lines.first?.status == "")
                #expect(errors.contains("nothing would be recorded"))
            }
            let wrong = try Command.run([Machine.agent, "explain", "request", "--protocol", "smtp", "--request", "-"])
            #expect(wrong.status == 64 && wrong.errors.contains("zookeeper"))
            let missing = try Command.run([Machine.agent, "explain", "request", "--request", "/nonexistent"])
            #expect(missing.status == 1 && missing.errors.contains("/nonexistent cannot be read"))
        }
    }
}
