internal import Exchange

/// The metadata server of Compute Engine (cloud.google.com/compute/docs/metadata/predefined-metadata-keys).
enum GCPService {
    static func read(_ service: MetadataService) throws(ExchangeError) -> CloudMetadata {
        func value(_ path: String) throws(ExchangeError) -> String {
            try service.value(
                "/computeMetadata/v1/" + path, headers: [("Metadata-Flavor", "Google")], through: .host)
        }
        var metadata = CloudMetadata(.gcp)
        metadata.accountID = try value("project/project-id")
        metadata.instanceID = try value("instance/id")
        metadata.localIPv4 = try value("instance/network-interfaces/0/ip")
        metadata.publicIPv4 = try value("instance/network-interfaces/0/access-configs/0/external-ip")
        switch try value("instance/scheduling/preemptible").lowercased() {
        case "true": metadata.instanceLifeCycle = "preemptible"
        case "false": metadata.instanceLifeCycle = "on-demand"
        default: break
        }
        metadata.instanceType = name(try value("instance/machine-type"))
        metadata.availabilityZone = name(try value("instance/zone"))
        metadata.region = metadata.availabilityZone.droppingLastDashPart
        return metadata
    }

    /// The last of `projects/NUMBER/KIND/NAME`.
    private static func name(_ path: String) -> String {
        let parts = path.split(separator: "/")
        return parts.count == 4 ? String(parts[3]) : ""
    }
}
