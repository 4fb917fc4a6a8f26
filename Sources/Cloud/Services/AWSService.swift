internal import Exchange

/// The instance metadata service of EC2, version 2
/// (docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html).
enum AWSService {
    static func read(_ service: MetadataService) throws(ExchangeError) -> CloudMetadata {
        // In the host's network: the answer to the token's question is sent with a hop limit of 1.
        let token = try MetadataService.part(
            try service.put(
                "/latest/api/token", headers: [("X-aws-ec2-metadata-token-ttl-seconds", "21600")], through: .host))
        func value(_ path: String) throws(ExchangeError) -> String {
            try service.value("/latest/meta-data/" + path, headers: [("X-aws-ec2-metadata-token", token)])
        }
        var metadata = CloudMetadata(.aws)
        metadata.instanceID = try value("instance-id")
        metadata.instanceLifeCycle = try value("instance-life-cycle")
        metadata.instanceType = try value("instance-type")
        metadata.region = try value("placement/region")
        metadata.availabilityZone = try value("placement/availability-zone")
        metadata.availabilityZoneID = try value("placement/availability-zone-id")
        metadata.localIPv4 = try value("local-ipv4")
        metadata.publicIPv4 = try value("public-ipv4")
        metadata.accountID = try account(service, token)
        return metadata
    }

    private static func account(_ service: MetadataService, _ token: String) throws(ExchangeError) -> String {
        let body: [UInt8]
        do throws(ExchangeError) {
            body = try service.get(
                "/latest/meta-data/identity-credentials/ec2/info", headers: [("X-aws-ec2-metadata-token", token)])
        } catch {
            guard MetadataService.isNo(error) else { throw error }
            return ""
        }
        let document = try MetadataService.document(body)
        return MetadataService.part(document.root.string("AccountId"))
    }
}
