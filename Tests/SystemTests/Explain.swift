import Foundation
import Testing

extension SystemTests {
    /// `martlet-node explain`, as a user calls it.
    @Suite struct Explain {
        private struct Line: Decodable, Equatable {
            var input: String
            var runtime: String
            var id: String
            var containerID: String
            var appID: String
            var rule: String

            enum CodingKeys: String, CodingKey {
                case input, runtime, id, rule
                case containerID = "container_id"
                case appID = "app_id"
            }
        }

        private func lines(_ text: String) throws -> [Line] {
            try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        }

        /// Feeds `input` to `explain cgroup`; as an unprivileged user, which is all that it takes.
        private func explain(_ input: Data, in scratch: Scratch) throws -> Command {
            let path = scratch.file("input")
            try input.write(to: URL(fileURLWithPath: path))
            chmod(path, 0o644)
            return try Command.run(
                [
                    "setpriv", "--reuid", "65534", "--clear-groups", "/bin/sh", "-c",
                    "exec \"$1\" explain cgroup < \"$2\"", "sh", Machine.agent, path,
                ], seconds: 300)
        }

        @Test func cgroupsFromArguments() throws {
            let text = try Command.check([
                Machine.agent, "explain", "cgroup", "/system.slice/nginx.service", "/docker/\(Machine.someID)/x",
                "/default/web",
            ])
            #expect(
                try lines(text) == [
                    Line(
                        input: "/system.slice/nginx.service", runtime: "systemd", id: "nginx.service",
                        containerID: "/system.slice/nginx.service", appID: "", rule: "systemd"),
                    Line(
                        input: "/docker/\(Machine.someID)/x", runtime: "docker", id: Machine.someID, containerID: "",
                        appID: "", rule: "docker"),
                    Line(
                        input: "/default/web", runtime: "containerd", id: "web", containerID: "", appID: "",
                        rule: "containerd-candidate"),
                ])
            // The order of the members is part of it.
            #expect(
                text.hasPrefix(#"{"input":"/system.slice/nginx.service","runtime":"systemd","id":"nginx.service","#))
        }

        @Test func anyBytesFromStandardInput() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            var input = Data("/lxc.payload.web\n\n".utf8)
            input += [0x2f, 0xff, 0xfe, 0x22, 0x5c, 0x01, 0x7f, 0xc3, 0x28, 0x0a]
            input += Data(("/" + String(repeating: "a/", count: 2048) + "\n").utf8)
            input += Data((String(repeating: "b", count: 1_000_000) + "\n").utf8)
            input += Data("/talos\r\n/init".utf8)
            let result = try explain(input, in: scratch)
            #expect(result.status == 0)
            let found = try lines(result.output)
            #expect(
                found.map(\.rule)
                    == [
                        "lxc-payload", "relative", "no-rule", "containerd-candidate", "too-long", "top-level",
                        "talos-init",
                    ].map { $0 == "no-rule" ? found[2].rule : $0 })
            #expect(found.count == 7)
            #expect(found[2].runtime == "standalone" || found[2].runtime == "unknown")
            #expect(found[3].input.utf8.count == 4097)
            #expect(found[4].input.utf8.count == 8192)
        }

        /// Many lines go through in little memory.
        @Test func manyLines() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let count = 200_000
            var text = ""
            for number in 0..<count { text += "/kubepods/burstable/pod\(number)/\(Machine.someID)/\(number)\n" }
            let path = try scratch.write(text, to: "lines")
            let result = try Command.run(
                [
                    "/bin/sh", "-c",
                    "\"$1\" explain cgroup < \"$2\" > \"$3\" & p=$!; sleep 1; grep VmHWM /proc/$p/status; wait $p",
                    "sh", Machine.agent, path, scratch.file("answers"),
                ], seconds: 300)
            #expect(result.status == 0)
            let peak = result.output.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }.first
            // Kilobytes; the input alone has 20,000.
            if let peak { #expect(peak < 64_000) }
            let answers = try Data(contentsOf: URL(fileURLWithPath: scratch.file("answers")))
            #expect(answers.count(where: { $0 == 10 }) == count)
        }

        @Test func processes() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let container = try RuncContainer(pod: "told-0", ["/workload", "sleep"], in: scratch)
            // Until the runtime's helpers are gone.
            usleep(700_000)
            let pid = eventually(within: 5, every: 0.05) {
                container.cgroup.read("cgroup.procs").split(separator: "\n").first.map(String.init)
            }
            let found = try lines(
                Command.check([Machine.agent, "explain", "pid", pid ?? "1", "\(getpid())", "2147483647"]))
            #expect(found[0].containerID == "/k8s/\(Machine.namespace)/told-0/main")
            #expect(found[0].appID == "/k8s/\(Machine.namespace)/told")
            #expect(found[0].rule == "kubepods")
            #expect(found[1].containerID.isEmpty)
            #expect(found[2].rule == "no-process")
        }

        @Test func wrongUsage() throws {
            #expect(try Command.run([Machine.agent, "explain", "pid"]).status == 64)
            #expect(try Command.run([Machine.agent, "explain", "pid", "0"]).status == 64)
            #expect(try Command.run([Machine.agent, "explain", "cgroup", "--no-such"]).status == 64)
        }
    }
}
