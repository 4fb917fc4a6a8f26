import TestSupport
import Testing

@testable import Cloud

/// What firmware of each cloud says.
@Suite struct CloudProviderTests {
    @Test(arguments: [
        ("sys/hypervisor/uuid", "EC2e1916\n", CloudProvider.aws),
        ("sys/class/dmi/id/board_vendor", "Amazon EC2\n", .aws),
        ("sys/class/dmi/id/board_vendor", "Google\n", .gcp),
        ("sys/class/dmi/id/board_vendor", "Microsoft Corporation\n", .azure),
        ("sys/class/dmi/id/board_vendor", "DigitalOcean\n", .digitalOcean),
        ("sys/class/dmi/id/sys_vendor", "Hetzner\n", .hetzner),
        ("sys/class/dmi/id/sys_vendor", "Alibaba Cloud\n", .alibaba),
        ("sys/class/dmi/id/sys_vendor", "Scaleway\n", .scaleway),
        ("sys/class/dmi/id/chassis_vendor", "IBM:Cloud Compute Server 1.0:bx2-2x8\n", .ibm),
        ("sys/class/dmi/id/chassis_asset_tag", "OracleCloud.com\n", .oracle),
    ])
    func detected(file: String, content: String, provider: CloudProvider) throws {
        let fixture = try FixtureDirectory()
        try fixture.write(file, content)
        #expect(CloudProvider.detect(root: fixture.path) == provider)
    }

    @Test(arguments: [
        ("sys/hypervisor/uuid", "0ec2e191"), ("sys/class/dmi/id/board_vendor", "Amazon"),
        ("sys/class/dmi/id/sys_vendor", "Google"), ("sys/class/dmi/id/board_vendor", ""),
        ("sys/class/dmi/id/chassis_asset_tag", "Dell"),
        ("sys/class/dmi/id/board_vendor", String(repeating: "x", count: 100_000)),
    ])
    func noCloud(file: String, content: String) throws {
        let fixture = try FixtureDirectory()
        try fixture.write(file, content)
        #expect(CloudProvider.detect(root: fixture.path) == nil)
    }

    @Test func hypervisorComesFirst() throws {
        let fixture = try FixtureDirectory()
        try fixture.write("sys/hypervisor/uuid", "ec2")
        try fixture.write("sys/class/dmi/id/board_vendor", "Google")
        #expect(CloudProvider.detect(root: fixture.path) == .aws)
    }
}
