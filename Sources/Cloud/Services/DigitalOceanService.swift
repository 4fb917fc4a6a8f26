internal import Exchange

/// The metadata API of Droplets (docs.digitalocean.com/reference/api/metadata). Regions have no zones.
enum DigitalOceanService {
    static func read(_ service: MetadataService) throws(ExchangeError) -> CloudMetadata {
        var metadata = CloudMetadata(.digitalOcean)
        metadata.instanceID = try service.value("/metadata/v1/id")
        metadata.region = try service.value("/metadata/v1/region")
        metadata.availabilityZone = metadata.region
        return metadata
    }
}
