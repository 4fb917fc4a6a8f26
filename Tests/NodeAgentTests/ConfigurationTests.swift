import Containers
import Host
import Ring
import Testing

@testable import NodeAgent

/// What values mean, and what is said of those that are wrong.
@Suite struct ConfigurationTests {
    private func resolved(_ option: AgentOption, _ texts: String...) throws -> Configuration {
        try Configuration(ConfigurationSources(flags: [option: texts]))
    }

    @Test func defaults() throws {
        let configuration = try Configuration(ConfigurationSources())
        #expect(configuration.listen == "127.0.0.1:10300")
        #expect(configuration.skipSystemdSystemServices)
        #expect(configuration.trackedPublicNetworks == [CIDRBlock("0.0.0.0/0")].compactMap { $0 })
        #expect(configuration.scrapeInterval == 15_000_000_000)
        #expect(configuration.retention == 600_000_000_000)
        #expect(configuration.metricsEndpoints.isEmpty)
        #expect(configuration.logPerSecond == 10)
        #expect(configuration.logBurst == 100)
        #expect(configuration.backend == .automatic)
    }

    @Test(arguments: ["1", "t", "T", "true", "TRUE", "True"])
    func yes(text: String) throws { #expect(try resolved(.insecureSkipVerify, text).insecureSkipVerify) }

    @Test(arguments: ["0", "f", "F", "false", "FALSE", "False"])
    func no(text: String) throws {
        #expect(try !resolved(.skipSystemdSystemServices, text).skipSystemdSystemServices)
    }

    @Test func values() throws {
        #expect(try resolved(.listen, "0.0.0.0:80").listen == "0.0.0.0:80")
        #expect(try resolved(.listen, "[::1]:80").listen == "[::1]:80")
        #expect(try resolved(.listen, ":80").listen == ":80")
        #expect(try resolved(.listen, ":80").listenIsExplicit)
        #expect(try resolved(.minContainerAge, "0").minimumContainerAge == 0)
        #expect(try resolved(.trackPublicNetwork, "1.2.3.0/24", "2001:db8::/32").trackedPublicNetworks.count == 2)
        #expect(try resolved(.ephemeralPortRange, "100-200, 300-400").ephemeralPorts.contains(350))
        #expect(try resolved(.logPerSecond, "0.5").logPerSecond == 0.5)
        #expect(try resolved(.logLevel, "WARN").logLevel == "warning")
        #expect(try resolved(.gcInterval, "90s").retention == 90_000_000_000)
        #expect(try resolved(.io, "epoll").backend == .epoll)
        #expect(try resolved(.io, "io_uring").backend == .uring)
        #expect(try resolved(.apiKey, "secret").apiKey == "secret")
        #expect(try resolved(.cgroupfsRoot, "/").cgroupfsRoot == "/")
        #expect(try resolved(.systemdSocket, "/run/bus").systemdSocket == "/run/bus")
        let certificate = try TemporaryFile(TestCertificate.certificate)
        #expect(try resolved(.caFile, certificate.path).caFile == certificate.path)
    }

    @Test(arguments: [
        ("https://c.example", "https://c.example/v1/metrics"),
        ("http://c.example:8080/", "http://c.example:8080/v1/metrics"),
        ("http://c.example/base//?a=b", "http://c.example/base/v1/metrics?a=b"),
        ("http://u:p@c.example/x#y", "http://u:p@c.example/x/v1/metrics#y"),
    ])
    func collector(url: String, metrics: String) throws {
        #expect(try resolved(.collectorEndpoint, url).metricsEndpoints == [metrics])
    }

    @Test func metricsEndpointWins() throws {
        let sources = ConfigurationSources(
            flags: [.collectorEndpoint: ["http://c"]], environment: ["METRICS_ENDPOINT": "http://m/w"])
        #expect(try Configuration(sources).metricsEndpoints == ["http://m/w"])
    }

    /// The whole line for a flag.
    @Test(arguments: [
        (
            AgentOption.minContainerAge, "soon",
            "\"soon\" is not a duration (a number with a unit: ns, us, ms, s, m, h); "
                + "write for example --min-container-age=30s"
        ),
        (.minContainerAge, "-1s", "\"-1s\" is negative; write for example --min-container-age=30s"),
        (.scrapeInterval, "0", "the duration must be more than 0; write for example --scrape-interval=15s"),
        (.gcInterval, "0s", "the duration must be more than 0; write for example --gc-interval=10m"),
        (.listen, "nowhere", "\"nowhere\" is not HOST:PORT; write for example --listen=127.0.0.1:10300"),
        (
            .skipSystemdSystemServices, "yes",
            "\"yes\" is neither true nor false; write for example --skip-systemd-system-services=true"
        ),
        (
            .trackPublicNetwork, "10.0.0.0/99",
            "\"10.0.0.0/99\" is not a network in CIDR notation; write for example --track-public-network=203.0.113.0/24"
        ),
        (
            .ephemeralPortRange, "1-99999",
            "\"1-99999\" is not a list of port ranges FIRST-LAST from 0 to 65535; "
                + "write for example --ephemeral-port-range=32768-60999"
        ),
        (
            .containerDenylist, "(",
            "\"(\" is not a regular expression: expected ')'; write for example --container-denylist=^/k8s/kube-system/"
        ),
        (.logPerSecond, "nan", "\"nan\" is not a number of 0 or more; write for example --log-per-second=10"),
        (.logBurst, "1.5", "\"1.5\" is not a whole number from 0 to 1000000000; write for example --log-burst=100"),
        (.io, "kqueue", "\"kqueue\" is none of automatic, io_uring, epoll; write for example --io=automatic"),
        (
            .logLevel, "loud",
            "\"loud\" is not a level (trace, debug, info, notice, warning, error, critical); "
                + "write for example --log-level=info"
        ),
        (
            .metricsEndpoint, "ftp://x",
            "\"ftp://x\" is not a URL to send to: the URL's scheme is neither http nor https; "
                + "write for example --metrics-endpoint=https://prometheus.example.com/api/v1/write"
        ),
        (
            .collectorEndpoint, "http://",
            "\"http://\" is not a URL to send to: the URL has no valid host and port; "
                + "write for example --collector-endpoint=https://coroot.example.com"
        ),
        (
            .caFile, "/nonexistent",
            "cannot read \"/nonexistent\": No such file or directory; write for example --ca-file=/etc/ssl/certs/ca.pem"
        ),
        (
            .caFile, "/dev/null",
            "\"/dev/null\" holds no certificate in PEM form; write for example --ca-file=/etc/ssl/certs/ca.pem"
        ),
        (
            .systemdSocket, "run/x",
            "\"run/x\" does not begin with a slash; write for example --systemd-socket=/run/systemd/private"
        ),
        (
            .cgroupfsRoot, "/dev/null",
            "\"/dev/null\" is no directory; write for example --cgroupfs-root=/sys/fs/cgroup"
        ),
    ])
    func complaint(option: AgentOption, text: String, expected: String) {
        let error = #expect(throws: UsageError.self) { try resolved(option, text) }
        #expect(error?.description == "\(option.flag): \(expected)")
    }

    @Test func complaintsNameThePlace() throws {
        let environment = ConfigurationSources(environment: ["LOG_BURST": "x"])
        #expect(
            #expect(throws: UsageError.self) { try Configuration(environment) }?.description
                == "--log-burst (environment variable LOG_BURST): \"x\" is not a whole number from 0 to 1000000000; "
                + "write for example LOG_BURST=100")
        let file = try ConfigurationFile(path: "/etc/m.yaml", content: Array("\n\nlog-burst: x\n".utf8))
        #expect(
            #expect(throws: UsageError.self) { try Configuration(ConfigurationSources(file: file)) }?.description
                == "--log-burst (/etc/m.yaml line 3): \"x\" is not a whole number from 0 to 1000000000; "
                + "write for example log-burst: 100")
    }

    @Test func secretsAreNotShown() {
        let error = #expect(throws: UsageError.self) { try resolved(.apiKey, "hidden\nvalue") }
        #expect(error?.description.contains("hidden") == false)
    }

    /// Whatever is wrong, it is said in one line of bounded length.
    @Test(arguments: ["a\nb\u{1B}[2J\u{85}", String(repeating: "x", count: 10_000), "\u{0}"])
    func hostileValues(text: String) {
        for option in AgentOption.allCases where option != .config && option != .apiKey {
            let line: String
            do {
                // Almost everything is a regular expression, so that not every option complains.
                _ = try resolved(option, text)
                continue
            } catch {
                line = "\(error)"
            }
            let controls = line.unicodeScalars.count { $0.properties.generalCategory == .control }
            #expect(controls == 0)
            #expect(line.count < 500)
        }
    }
}
