import Foundation
import Testing

extension SystemTests {
    /// The clouds' metadata services: recorded replies of all nine, a second implementation of one, and those that hang.
    @Suite struct Cloud {
        struct Provider: Sendable, CustomTestStringConvertible {
            let name: String
            let firmware: [String: String]
            var expected: [String: String] = [:]
            var testDescription: String { name }

            /// All ten labels.
            var labels: [String: String] {
                let none = Dictionary(
                    uniqueKeysWithValues: [
                        "account_id", "instance_id", "instance_type", "instance_life_cycle", "region",
                        "availability_zone", "availability_zone_id", "local_ipv4", "public_ipv4",
                    ].map { ($0, "") })
                return none.merging(expected) { $1 }.merging(["provider": name]) { $1 }
            }
        }

        static let azure = Provider(
            name: "Azure", firmware: ["board_vendor": "Microsoft Corporation"],
            expected: [
                "account_id": "8d10da13-8125-4ba9-a717-bf7490507b3d",
                "instance_id": "02aab8a4-74ef-476e-8182-f6d2ba4166a6", "instance_type": "Standard_D4s_v5",
                "region": "westeurope", "availability_zone": "2", "local_ipv4": "10.144.133.132",
                "public_ipv4": "203.0.113.10",
            ])

        static let aws = Provider(
            name: "AWS", firmware: ["board_vendor": "Amazon EC2"],
            expected: [
                "account_id": "123456789012", "instance_id": "i-0abc1234def567890", "instance_type": "m7i.large",
                "instance_life_cycle": "spot", "region": "eu-west-1", "availability_zone": "eu-west-1b",
                "availability_zone_id": "euw1-az2", "local_ipv4": "10.1.2.3",
            ])

        static let providers = [
            aws, azure,
            Provider(
                name: "GCP", firmware: ["board_vendor": "Google"],
                expected: [
                    "account_id": "shop-prod-1", "instance_id": "4520031799277581759",
                    "instance_type": "n2-standard-4", "instance_life_cycle": "on-demand", "region": "us-central1",
                    "availability_zone": "us-central1-a", "local_ipv4": "10.128.0.5", "public_ipv4": "203.0.113.9",
                ]),
            Provider(
                name: "Hetzner", firmware: ["sys_vendor": "Hetzner"],
                expected: [
                    "instance_id": "4711", "region": "eu-central", "availability_zone": "fsn1-dc14",
                    "public_ipv4": "203.0.113.11",
                ]),
            Provider(
                name: "DigitalOcean", firmware: ["board_vendor": "DigitalOcean"],
                expected: ["instance_id": "2756294", "region": "nyc3", "availability_zone": "nyc3"]),
            Provider(
                name: "Alibaba", firmware: ["sys_vendor": "Alibaba Cloud"],
                expected: [
                    "account_id": "1609780321234567", "instance_id": "i-bp13znx0m0me8cquq1ab",
                    "instance_type": "ecs.g6.large", "region": "cn-hangzhou", "availability_zone": "cn-hangzhou-i",
                    "local_ipv4": "172.16.0.4",
                ]),
            Provider(
                name: "Scaleway", firmware: ["sys_vendor": "Scaleway"],
                expected: [
                    "instance_id": "11111111-2222-3333-4444-555555555555", "instance_type": "DEV1-S",
                    "region": "fr-par", "availability_zone": "fr-par-1",
                ]),
            Provider(
                name: "IBM", firmware: ["chassis_vendor": "IBM:Cloud Compute Server 1.0:bx2-2x8"],
                expected: [
                    "instance_id": "0717_2b3c7a05-3a7a-4f4c-9a4b-1e2d3c4b5a69", "instance_type": "bx2-2x8",
                    "region": "us-south", "availability_zone": "us-south-3",
                ]),
            Provider(
                name: "Oracle", firmware: ["chassis_asset_tag": "OracleCloud.com"],
                expected: [
                    "instance_id": "ocid1.instance.oc1.phx.example", "instance_type": "VM.Standard.E4.Flex",
                    "region": "us-phoenix-1", "availability_zone": "us-phoenix-1-ad-2",
                ]),
        ]

        private func info(_ page: Page) -> [String: String] {
            var labels = page.all("node_cloud_info").first?.labels ?? [:]
            labels["machine_id"] = nil
            labels["system_uuid"] = nil
            return labels
        }

        @Test(arguments: providers)
        func recordedReplies(provider: Provider) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let machine = try CloudMachine(firmware: provider.firmware, in: scratch)
            try machine.addAddresses()
            try machine.serve(provider.name)
            let agent = try machine.agent()
            var last: [String: String] = [:]
            let found = try soon(within: 5) {
                last = info(try agent.page())
                return last == provider.labels
            }
            #expect(found, "\(last)\n\(machine.requests)\n\(agent.process.errors.suffix(1000))")
            #expect(try agent.page().all("node_cloud_info").count == 1)
        }

        /// Another implementation of EC2's service, version 2 with tokens.
        @Test func moto() throws {
            guard (try? Command.run(["moto_server", "--version"])) != nil else {
                try Test.cancel("moto_server is not installed")
            }
            let scratch = try Scratch()
            defer { scratch.remove() }
            let machine = try CloudMachine(firmware: Self.aws.firmware, in: scratch)
            try machine.addAddresses()
            let server = try ChildProcess(
                machine.inside + ["moto_server", "-H", "169.254.169.254", "-p", "80"], in: scratch)
            let answers = soon(within: 30) {
                (try? Command.run(
                    machine.inside + [
                        "curl", "-sf", "--max-time", "2", "http://169.254.169.254/latest/meta-data/instance-id",
                    ]))?.status == 0
            }
            try #require(answers, "\(server.errors.suffix(500))")
            let agent = try machine.agent()
            let page = try agent.page(within: 15, "the instance") { info($0)["instance_id"]?.hasPrefix("i-") == true }
            #expect(info(page)["provider"] == "AWS")
        }

        /// The token is asked for in the host's network, everything else in the agent's own.
        @Test func tokenThroughTheHostsNetwork() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let host = try CloudMachine(firmware: Self.aws.firmware, in: scratch)
            let pod = try CloudMachine(firmware: Self.aws.firmware, in: scratch)
            for machine in [host, pod] { try machine.addAddresses() }
            try host.serve("AWS", prefix: "/latest/api/token")
            try pod.serve("AWS", prefix: "/latest/meta-data/")
            let agent = try host.agent(agentNetwork: pod.network)
            try agent.page(within: 5, "the instance") { info($0) == Self.aws.labels }
            #expect(host.requests.map { $0.split(separator: " ").first } == ["PUT"])
            #expect(!pod.requests.contains { $0.hasPrefix("PUT") })
        }

        /// Containers carry zone and region, the node's own series do not.
        @Test func placementOfContainers() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let machine = try CloudMachine(firmware: Self.azure.firmware, in: scratch)
            try machine.addAddresses()
            try machine.serve("Azure")
            _ = try RuncContainer(pod: "placed-0", ["/workload", "sleep"], in: scratch)
            let agent = try machine.agent(ownProcesses: false)
            let id = "/k8s/\(Machine.namespace)/placed-0/main"
            let page = try agent.page(within: 8, "the container") { $0.containers.contains(id) }
            let container = page.all("container_restarts_total", ["container_id": id]).first?.labels ?? [:]
            #expect(container["az"] == "2")
            #expect(container["region"] == "westeurope")
            for sample in page.samples where sample.name.hasPrefix("container_") {
                #expect(sample.labels["az"] == "2" && sample.labels["region"] == "westeurope", "\(sample)")
            }
            #expect(page.all("node_uptime_seconds").first?.labels["az"] == nil)
            #expect(page.all("node_cloud_info").first?.labels["az"] == nil)
        }

        @Test func overrides() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let machine = try CloudMachine(firmware: Self.azure.firmware, in: scratch)
            try machine.addAddresses()
            try machine.serve("silent")
            _ = try RuncContainer(pod: "mine-0", ["/workload", "sleep"], in: scratch)
            let agent = try machine.agent(
                [
                    "--provider=own", "--region=north", "--availability-zone=north-1", "--instance-type=rack",
                    "--instance-life-cycle=forever",
                ], ownProcesses: false)
            // Nothing waits for a cloud when both labels are given.
            let id = "/k8s/\(Machine.namespace)/mine-0/main"
            let page = try agent.page(within: 2, "the container") { $0.containers.contains(id) }
            let container = page.all("container_restarts_total", ["container_id": id]).first?.labels ?? [:]
            #expect(container["az"] == "north-1" && container["region"] == "north")
            let labels = info(page)
            #expect(labels["provider"] == "own" && labels["region"] == "north")
            #expect(labels["availability_zone"] == "north-1" && labels["instance_type"] == "rack")
            #expect(labels["instance_life_cycle"] == "forever" && labels["instance_id"] == "")
        }

        /// Without a cloud's firmware, or when told not to, nobody is asked.
        @Test(arguments: [([String: String](), [String]()), (azure.firmware, ["--disable-cloud-metadata"])])
        func nobodyIsAsked(firmware: [String: String], arguments: [String]) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let machine = try CloudMachine(firmware: firmware, in: scratch)
            try machine.addAddresses()
            try machine.serve("Azure")
            let agent = try machine.agent(arguments)
            sleep(2)
            #expect(info(try agent.page()).values.allSatisfy(\.isEmpty))
            #expect(machine.requests == [])
        }

        /// Services that do not answer, or whose address swallows every packet: the agent is ready as fast as without a
        /// cloud, its page is valid, and containers appear after a bounded wait.
        @Test(arguments: ["silent", "swallowed"])
        func hangs(mode: String) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            _ = try RuncContainer(pod: "patient-0", ["/workload", "sleep"], in: scratch)
            let id = "/k8s/\(Machine.namespace)/patient-0/main"

            func start(_ firmware: [String: String]) throws -> (agent: AgentProcess, seconds: Double) {
                let machine = try CloudMachine(firmware: firmware, in: scratch)
                if mode == "swallowed" {
                    try machine.swallow()
                } else {
                    try machine.addAddresses()
                    try machine.serve(mode)
                }
                let begin = Machine.now
                return (try machine.agent(ownProcesses: false), Machine.now - begin)
            }
            let plain = try start([:])
            _ = plain.agent.terminate()
            let begin = Machine.now
            let hanging = try start(Self.azure.firmware)
            print("ready after \(plain.seconds) s without a cloud, \(hanging.seconds) s with one that hangs (\(mode))")
            #expect(hanging.seconds < plain.seconds + 0.5)

            let early = try hanging.agent.page()
            #expect(early.containers.isEmpty, "shown before the wait was over")
            #expect(info(early)["provider"] == "Azure")
            #expect(try hanging.agent.complaints() == "")
            try hanging.agent.page(within: 12, "the container after the wait") { $0.containers.contains(id) }
            #expect(Machine.now - begin < 13)
            let end = hanging.agent.terminate()
            #expect(end.status == 0)
            #expect(end.seconds < 2)
        }

        /// Answers that are none: only the provider is known, and that is counted.
        @Test(arguments: ["html", "huge", "drip"])
        func nonsense(mode: String) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let machine = try CloudMachine(firmware: ["sys_vendor": "Hetzner"], in: scratch)
            try machine.addAddresses()
            try machine.serve(mode)
            let agent = try machine.agent()
            let page = try agent.page(within: 8, "the failure") {
                ($0.value("martlet_faults_total", ["kind": "cloud_metadata"]) ?? 0) >= 1
            }
            var expected = Provider(name: "Hetzner", firmware: [:]).labels
            expected["provider"] = "Hetzner"
            #expect(info(page) == expected)
            #expect((page.value("martlet_process_resident_bytes") ?? .infinity) < 150_000_000)
        }

        /// A service that begins to answer later is found.
        @Test func answersLater() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let machine = try CloudMachine(firmware: Self.azure.firmware, in: scratch)
            try machine.addAddresses()
            let agent = try machine.agent()
            try agent.page(within: 5, "the failure") {
                ($0.value("martlet_faults_total", ["kind": "cloud_metadata"]) ?? 0) >= 1
            }
            try machine.serve("Azure")
            try agent.page(within: 15, "the instance") { info($0) == Self.azure.labels }
        }
    }
}
