internal import Exchange

/// Hetzner's metadata service: one YAML mapping (docs.hetzner.cloud, "Server metadata").
enum HetznerService {
    static func read(_ service: MetadataService) throws(ExchangeError) -> CloudMetadata {
        let values = try MetadataService.scalars(
            try service.get("/hetzner/v1/metadata"), separator: UInt8(ascii: ":"))
        var metadata = CloudMetadata(.hetzner)
        metadata.instanceID = values["instance-id"] ?? ""
        metadata.region = values["region"] ?? ""
        metadata.availabilityZone = values["availability-zone"] ?? ""
        metadata.publicIPv4 = values["public-ipv4"] ?? ""
        metadata.localIPv4 = values["local-ipv4"] ?? ""
        return metadata
    }
}
