internal import Exchange

/// Azure's instance metadata service (learn.microsoft.com/azure/virtual-machines/instance-metadata-service).
enum AzureService {
    static func read(_ service: MetadataService) throws(ExchangeError) -> CloudMetadata {
        let document = try MetadataService.document(
            try service.get(
                "/metadata/instance?format=json&api-version=2021-05-01", headers: [("Metadata", "True")]))
        let root = document.root
        func compute(_ key: String) -> String { MetadataService.part(root.string("compute", key)) }
        var metadata = CloudMetadata(.azure)
        metadata.accountID = compute("subscriptionId")
        metadata.instanceID = compute("vmId")
        metadata.instanceType = compute("vmSize")
        metadata.region = compute("location")
        metadata.availabilityZone = compute("zone")
        var addresses: (local: String, global: String)?
        root.member("network", "interface")?.forEachElement(limit: 1) { interface in
            interface.member("ipv4", "ipAddress")?.forEachElement(limit: 1) { address in
                addresses = (
                    MetadataService.part(address.string("privateIpAddress")),
                    MetadataService.part(address.string("publicIpAddress"))
                )
            }
        }
        if let addresses { (metadata.localIPv4, metadata.publicIPv4) = addresses }
        return metadata
    }
}
