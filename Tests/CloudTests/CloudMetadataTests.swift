import Testing

@testable import Cloud

@Suite struct CloudMetadataTests {
    @Test func overrides() {
        var found = CloudMetadata(.aws)
        found.region = "eu-west-1"
        found.availabilityZone = "eu-west-1a"
        found.instanceID = "i-1"
        var overrides = CloudMetadata()
        overrides.provider = "mine"
        overrides.availabilityZone = "rack-7"
        let result = found.overridden(by: overrides)
        #expect(result.provider == "mine")
        #expect(result.availabilityZone == "rack-7")
        #expect(result.region == "eu-west-1")
        #expect(result.instanceID == "i-1")
    }

    @Test func placementNeedsBoth() {
        var metadata = CloudMetadata()
        #expect(metadata.placementLabels.isEmpty)
        metadata.region = "r"
        #expect(metadata.placementLabels.isEmpty)
        metadata.availabilityZone = "z"
        #expect(metadata.placementLabels.map(\.name) == ["az", "region"])
        #expect(metadata.placementLabels.map(\.value) == ["z", "r"])
    }

    @Test func tenLabels() {
        #expect(
            CloudMetadata().infoLabels.map(\.name) == [
                "provider", "account_id", "instance_id", "instance_type", "instance_life_cycle", "region",
                "availability_zone", "availability_zone_id", "local_ipv4", "public_ipv4",
            ])
    }

    @Test func parts() {
        #expect(CloudMetadata.part(" i-1\r\n") == "i-1")
        #expect(CloudMetadata.part("") == "")
        #expect(CloudMetadata.part("Zürich") == "Zürich")
        #expect(CloudMetadata.part("<html>") == nil)
        #expect(CloudMetadata.part("a\nb") == nil)
        #expect(CloudMetadata.part(String(repeating: "x", count: 257)) == nil)
    }

    @Test func zones() {
        #expect("us-central1-a".droppingLastDashPart == "us-central1")
        #expect("".droppingLastDashPart == "")
        #expect("fr-par-1".droppingDashNumber == "fr-par")
        #expect("fr-par".droppingDashNumber == "")
        #expect("fr-".droppingDashNumber == "")
    }

    @Test func scalars() throws {
        let yaml = """
            # metadata
            availability-zone: fsn1-dc14
            instance-id: "42"
            network-config:
              config:
              - name: eth0
                instance-id: 43
            public-ipv4: '203.0.113.7'
            vendor_data: |
              region: nowhere
            region: eu-central
            """
        let values = try MetadataService.scalars(Array(yaml.utf8), separator: UInt8(ascii: ":"))
        #expect(values["availability-zone"] == "fsn1-dc14")
        #expect(values["instance-id"] == "42")
        #expect(values["public-ipv4"] == "203.0.113.7")
        #expect(values["region"] == "eu-central")
        #expect(throws: (any Error).self) { try MetadataService.scalars(Array("<html>".utf8), separator: 61) }
    }
}
