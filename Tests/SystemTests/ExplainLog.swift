import Foundation
import Testing

extension SystemTests {
    /// `martlet-node explain log`, as a user calls it.
    @Suite struct ExplainLog {
        private struct Message: Decodable, Equatable {
            var level: String
            var patternHash: String
            var pattern: String
            var timestamp: String
            var body: String
            var attributes: [String: String]
            var traceID: String

            enum CodingKeys: String, CodingKey {
                case level, pattern, timestamp, body, attributes
                case patternHash = "pattern_hash"
                case traceID = "trace_id"
            }
        }

        /// Feeds `input` to the command as an unprivileged user, which is all that it takes.
        private func explain(_ input: Data, source: String) throws -> (messages: [Message], errors: String) {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let path = scratch.file("input")
            try input.write(to: URL(fileURLWithPath: path))
            chmod(path, 0o644)
            let result = try Command.run(
                [
                    "setpriv", "--reuid", "65534", "--clear-groups", "/bin/sh", "-c",
                    "exec \"$1\" explain log --source \"$3\" < \"$2\"", "sh", Machine.agent, path, source,
                ], seconds: 120)
            #expect(result.status == 0)
            let messages = try result.output.split(separator: "\n").map {
                try JSONDecoder().decode(Message.self, from: Data($0.utf8))
            }
            return (messages, result.errors)
        }

        /// The lines that Docker itself wrote for a container.
        @Test func linesOfDocker() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let daemon = try DockerDaemon(in: scratch)
            let script = #"""
                echo 'ERROR user 42 not found'; printf '\tat a.b\n'; echo '{"level":"warn","msg":"disk is full","disk":"sda"}'
                """#
            let identifier = try daemon.run("logs-\(UInt16.random(in: .min ... .max))", ["/bin/sh", "-c", script])
            let path = try daemon.docker(["inspect", "--format", "{{.LogPath}}", identifier])
            let written = eventually(within: 10) { () -> Data? in
                let data = FileManager.default.contents(atPath: path) ?? Data()
                return data.count(where: { $0 == 10 }) == 3 ? data : nil
            }
            let messages = try explain(#require(written), source: "docker").messages
            #expect(messages.map(\.level) == ["error", "warning"])
            #expect(messages.map(\.body) == ["ERROR user 42 not found\n\tat a.b", "disk is full"])
            #expect(messages.map(\.pattern) == ["ERROR user not found at a.b", "disk is full"])
            #expect(messages.last?.attributes == ["log.iostream": "stdout", "disk": "sda"])
            #expect(messages.allSatisfy { $0.timestamp.hasSuffix("Z") && $0.timestamp.count > 20 })
            let hash = try Command.check(["sh", "-c", "printf %s 'disk is full' | md5sum"])
            #expect(hash.hasPrefix(messages.last?.patternHash ?? "-"))
        }

        @Test func partsOfCRI() throws {
            let trace = "0af7651916cd43dd8448eb211c80319c"
            let lines = """
                2016-10-06T00:17:09.669794202Z stdout P {"level":50,
                2016-10-06T00:17:09.7Z stdout F "msg":"no","trace_id":"\(trace)"}
                not of that kind

                """
            let (messages, errors) = try explain(Data(lines.utf8), source: "cri")
            #expect(
                messages == [
                    Message(
                        level: "error", patternHash: "7fa3b767c460b54a2be4d49030b349c7", pattern: "no",
                        timestamp: "2016-10-06T00:17:09.669794202Z", body: "no", attributes: ["log.iostream": "stdout"],
                        traceID: trace)
                ])
            #expect(errors.contains("1 lines are not as cri writes them"))
        }

        /// 100 MB without a line feed, zeros, no UTF-8, JSON 10,000 deep: answered, in bounded memory.
        @Test func anyBytes() throws {
            var input = Data(repeating: UInt8(ascii: "x"), count: 100_000_000)
            input.append(Data([10, 0, 0xFF, 10]))
            input.append(
                Data((String(repeating: "{\"a\":", count: 10_000) + "1" + String(repeating: "}", count: 10_000)).utf8))
            let (messages, errors) = try explain(input, source: "plain")
            #expect(messages.map(\.body.utf8.count) == [65_536, 4, 60_001])
            #expect(messages[1].body == "\u{0}\u{FFFD}")
            #expect(errors.contains("1 lines were cut at 1048576 bytes"))
        }

        @Test func wrongUsage() throws {
            #expect(try Command.run([Machine.agent, "explain", "log", "--source", "syslog"]).status == 64)
        }
    }
}
