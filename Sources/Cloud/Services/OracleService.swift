internal import Exchange

/// The instance metadata service of Oracle Cloud, version 2
/// (docs.oracle.com/iaas/Content/Compute/Tasks/gettingmetadata.htm).
enum OracleService {
    static func read(_ service: MetadataService) throws(ExchangeError) -> CloudMetadata {
        let document = try MetadataService.document(
            try service.get("/opc/v2/instance/", headers: [("Authorization", "Bearer Oracle")]))
        let root = document.root
        var metadata = CloudMetadata(.oracle)
        metadata.instanceID = MetadataService.part(root.string("id"))
        metadata.region = MetadataService.part(root.string("canonicalRegionName"))
        metadata.availabilityZone = zone(MetadataService.part(root.string("availabilityDomain")), metadata.region)
        metadata.instanceType = MetadataService.part(root.string("shape"))
        return metadata
    }

    /// `EMIr:PHX-AD-1` in `us-phoenix-1` → `us-phoenix-1-ad-1`: domains are named differently in every tenancy.
    private static func zone(_ domain: String, _ region: String) -> String {
        let number = domain.suffix(while: { (0x30...0x39).contains($0) })
        guard !region.isEmpty, !number.isEmpty, domain.dropLast(number.count).hasSuffix("-AD-") else { return "" }
        return "\(region)-ad-\(number)"
    }
}

extension String {
    /// The longest ending all of whose bytes satisfy `condition`.
    fileprivate func suffix(while condition: (UInt8) -> Bool) -> Substring {
        var start = utf8.endIndex
        while start > utf8.startIndex, condition(utf8[utf8.index(before: start)]) { start = utf8.index(before: start) }
        return self[start...]
    }
}
