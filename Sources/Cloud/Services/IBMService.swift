internal import Exchange

/// The metadata service of IBM Cloud VPC, over http (cloud.ibm.com/apidocs/vpc-metadata). It is off by default; then nobody
/// answers. Over http it answers to its address as well as to its name, so no name has to be looked up.
enum IBMService {
    private static let host = "api.metadata.cloud.ibm.com"
    private static let version = "version=2025-04-22"

    static func read(_ service: MetadataService) throws(ExchangeError) -> CloudMetadata {
        let reply = try MetadataService.document(
            try service.put(
                "/instance_identity/v1/token?" + version, host: host,
                headers: [("Metadata-Flavor", "ibm"), ("Accept", "application/json")], through: .host))
        guard let token = reply.root.string("access_token") else { throw .malformed("no access_token") }
        let document = try MetadataService.document(
            try service.get(
                "/metadata/v1/instance?" + version, host: host,
                headers: [("Authorization", "Bearer \(token)"), ("Accept", "application/json")]))
        let root = document.root
        var metadata = CloudMetadata(.ibm)
        metadata.instanceID = MetadataService.part(root.string("id"))
        metadata.availabilityZone = MetadataService.part(root.string("zone", "name"))
        metadata.region = metadata.availabilityZone.droppingDashNumber
        metadata.instanceType = MetadataService.part(root.string("profile", "name"))
        return metadata
    }
}
