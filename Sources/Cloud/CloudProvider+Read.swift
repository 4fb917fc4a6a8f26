internal import Exchange

extension CloudProvider {
    /// Asks the cloud's metadata service, once. Blocks its thread until `deadline` (`MonotonicClock.now()`) at most.
    func read(deadline: UInt64) throws(ExchangeError) -> CloudMetadata {
        let metadata = try ask(MetadataService(deadline: deadline))
        // Something else answers there.
        if metadata.instanceID.isEmpty { throw .malformed("no instance id") }
        return metadata
    }

    private func ask(_ service: MetadataService) throws(ExchangeError) -> CloudMetadata {
        switch self {
        case .aws: return try AWSService.read(service)
        case .gcp: return try GCPService.read(service)
        case .azure: return try AzureService.read(service)
        case .hetzner: return try HetznerService.read(service)
        case .digitalOcean: return try DigitalOceanService.read(service)
        case .alibaba: return try AlibabaService.read(service)
        case .scaleway: return try ScalewayService.read(service)
        case .ibm: return try IBMService.read(service)
        case .oracle: return try OracleService.read(service)
        }
    }
}
