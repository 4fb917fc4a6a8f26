import ArgumentParser
import Testing

@testable import NodeAgent

/// The flags as the parser sees them.
@Suite struct CommandLineTests {
    private func flags(_ arguments: String...) throws -> [AgentOption: [String]] {
        let command = try MartletNode.parse(arguments: arguments)
        if let run = command as? RunCommand { return run.options.flags.filter { !$0.value.isEmpty } }
        return try #require(command as? MartletNode).options.flags.filter { !$0.value.isEmpty }
    }

    @Test func flagsOfRunWithAndWithoutItsName() throws {
        #expect(try flags().isEmpty)
        #expect(try flags("--listen", ":80", "--io=epoll") == [.listen: [":80"], .io: ["epoll"]])
        #expect(try flags("run", "--listen=:80") == [.listen: [":80"]])
        #expect(
            try flags("--container-denylist", "a", "--container-denylist=b") == [.containerDenylist: ["a", "b"]])
        #expect(try flags("--skip-systemd-system-services") == [.skipSystemdSystemServices: ["true"]])
        #expect(try flags("--no-skip-systemd-system-services") == [.skipSystemdSystemServices: ["false"]])
        #expect(try flags("--insecure-skip-verify") == [.insecureSkipVerify: ["true"]])
        #expect(try flags("--ephemeral-port-range=") == [.ephemeralPortRange: [""]])
        #expect(try flags("--ephemeral-port-range", "") == [.ephemeralPortRange: [""]])
    }

    /// Every option is a flag, and the parser knows no other.
    @Test func everyOptionIsAFlag() throws {
        for option in AgentOption.allCases {
            switch option {
            case .skipSystemdSystemServices, .userServices, .composeAppID, .insecureSkipVerify, .disableCloudMetadata,
                .disableGPUMonitoring, .disableL7Tracing, .disablePinger, .dropPrivileges, .seccomp, .staleOnShutdown,
                .tracesInbound, .obfuscateQueries, .disableLogParsing, .disableJSONLogParsing:
                #expect(try flags(option.flag) == [option: ["true"]])
            default: #expect(try flags(option.flag, "x") == [option: ["x"]])
            }
        }
        let help = MartletNode.helpMessage()
        for option in AgentOption.allCases { #expect(help.contains("\(option.flag)")) }
        for title in [
            "LISTENING", "CONTAINERS", "NETWORK", "TRACES", "NODE", "PUSH", "SERIES", "LOGGING", "PRIVILEGES",
            "ADVANCED",
        ] {
            #expect(help.contains("\n\(title):"))
        }
    }

    @Test(arguments: [
        ["--no-such-option"], ["bogus"], ["--listen"], ["top", "--url", "ftp://x"], ["top", "--interval=1"],
    ])
    func wrongUsage(arguments: [String]) {
        let error = #expect(throws: (any Error).self) { try MartletNode.parse(arguments: arguments) }
        #expect(error.map { MartletNode.exitCode(for: $0).rawValue } == ExitStatus.usage)
    }

    @Test func subcommands() throws {
        #expect(try MartletNode.parse(arguments: ["check", "--listen=:1"]) is CheckCommand)
        #expect(
            try MartletNode.parse(arguments: ["top", "--once", "--url=http://[::1]:80", "--interval=5s"]) is TopCommand)
    }
}
