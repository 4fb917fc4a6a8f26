internal import Exchange

/// The instance metadata of Alibaba Cloud ECS (alibabacloud.com/help/ecs, "Instance metadata"). All or nothing: a value
/// that is missing is a failure.
enum AlibabaService {
    private static let address = "100.100.100.200"

    static func read(_ service: MetadataService) throws(ExchangeError) -> CloudMetadata {
        func value(_ path: String) throws(ExchangeError) -> String {
            try MetadataService.part(try service.get("/latest/meta-data/" + path, at: address))
        }
        var metadata = CloudMetadata(.alibaba)
        metadata.instanceID = try value("instance-id")
        metadata.region = try value("region-id")
        metadata.availabilityZone = try value("zone-id")
        metadata.accountID = try value("owner-account-id")
        metadata.instanceType = try value("instance/instance-type")
        metadata.localIPv4 = try value("private-ipv4")
        return metadata
    }
}
