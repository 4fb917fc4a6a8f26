internal import Exchange

/// Scaleway's metadata as lines `KEY=VALUE` (scaleway.com/docs, "Instance metadata").
enum ScalewayService {
    static func read(_ service: MetadataService) throws(ExchangeError) -> CloudMetadata {
        let values = try MetadataService.scalars(
            try service.get("/conf", at: "169.254.42.42"), separator: UInt8(ascii: "="))
        var metadata = CloudMetadata(.scaleway)
        metadata.instanceID = values["ID"] ?? ""
        metadata.availabilityZone = values["ZONE"] ?? ""
        metadata.region = metadata.availabilityZone.droppingDashNumber
        metadata.instanceType = values["COMMERCIAL_TYPE"] ?? ""
        return metadata
    }
}
