import Containers
import Testing

@testable import NodeAgent

/// Where values come from, and which of them wins.
@Suite struct ConfigurationSourcesTests {
    private func file(_ text: String) throws -> ConfigurationFile {
        try ConfigurationFile(path: "/etc/m.yaml", content: Array(text.utf8))
    }

    @Test func flagThenEnvironmentThenFileThenDefault() throws {
        var sources = ConfigurationSources()
        #expect(try Configuration(sources).minimumContainerAge == 30_000_000_000)
        sources.file = try file("min-container-age: 1s")
        #expect(try Configuration(sources).minimumContainerAge == 1_000_000_000)
        sources.environment = ["MIN_CONTAINER_AGE": "2s"]
        #expect(try Configuration(sources).minimumContainerAge == 2_000_000_000)
        sources.flags = [.minContainerAge: ["3s"]]
        #expect(try Configuration(sources).minimumContainerAge == 3_000_000_000)
        // One that is not asked for is not checked.
        sources.environment = ["MIN_CONTAINER_AGE": "soon"]
        #expect(try Configuration(sources).minimumContainerAge == 3_000_000_000)
    }

    @Test func repeatableOptionsComeFromOnePlace() throws {
        var sources = ConfigurationSources()
        sources.file = try file("container-denylist: [a, b]")
        #expect(try Configuration(sources).containerDenylist == ["a", "b"])
        sources.environment = ["CONTAINER_DENYLIST": "c\nd\r\ne\n"]
        #expect(try Configuration(sources).containerDenylist == ["c", "d", "e"])
        sources.flags = [.containerDenylist: ["f"]]
        #expect(try Configuration(sources).containerDenylist == ["f"])
        // A scalar in the file is a list of one; an empty list is a value.
        #expect(try Configuration(ConfigurationSources(file: file("container-denylist: x"))).containerDenylist == ["x"])
        let none = try Configuration(ConfigurationSources(file: file("track-public-network: []")))
        #expect(none.trackedPublicNetworks.isEmpty)
    }

    @Test func emptyEnvironmentVariablesAreNotSet() throws {
        let sources = ConfigurationSources(environment: ["LISTEN": "", "EPHEMERAL_PORT_RANGE": ""])
        let configuration = try Configuration(sources)
        #expect(configuration.listen == "127.0.0.1:10300")
        #expect(!configuration.listenIsExplicit)
        #expect(configuration.ephemeralPorts.contains(40000))
    }

    @Test func emptyFlagIsAValue() throws {
        let configuration = try Configuration(ConfigurationSources(flags: [.ephemeralPortRange: [""]]))
        #expect(!configuration.ephemeralPorts.contains(40000))
    }

    @Test func fileIsReadFromFlagOrEnvironment() throws {
        let flag = try TemporaryFile("scrape-interval: 5s")
        let environment = try TemporaryFile("scrape-interval: 6s")
        var sources = try ConfigurationSources.load(
            flags: [.config: [flag.path]], environment: ["CONFIG": environment.path])
        #expect(try Configuration(sources).scrapeInterval == 5_000_000_000)
        sources = try ConfigurationSources.load(flags: [:], environment: ["CONFIG": environment.path])
        #expect(try Configuration(sources).scrapeInterval == 6_000_000_000)
    }

    @Test func everyOptionHasItsNames() {
        #expect(Set(AgentOption.allCases.map(\.environmentName)).count == AgentOption.allCases.count)
        #expect(AgentOption.skipSystemdSystemServices.flag == "--skip-systemd-system-services")
        #expect(AgentOption.skipSystemdSystemServices.environmentName == "SKIP_SYSTEMD_SYSTEM_SERVICES")
        #expect(AgentOption.io.environmentName == "IO")
    }
}
