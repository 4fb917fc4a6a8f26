import Export

extension Configuration {
    /// What options about pushing mean together, and the proxies, which come from the customary environment variables.
    mutating func checkPush(_ sources: ConfigurationSources) throws(UsageError) {
        func wrong(_ option: AgentOption, _ problem: String, _ example: String) -> UsageError {
            UsageError(
                option: option, origin: sources.setting(option)?.origin ?? .flag, problem: problem, example: example)
        }
        let ways = [AgentOption.bearerToken, .bearerTokenFile, .basicAuthPasswordFile].filter {
            sources.setting($0) != nil
        }
        if ways.count > 1 {
            throw wrong(ways[1], "there is \(ways[0].flag) already", "one of the two")
        }
        if sources.setting(.basicAuthUser) != nil, sources.setting(.basicAuthPasswordFile) == nil {
            throw wrong(
                .basicAuthUser, "the password is missing",
                "\(AgentOption.basicAuthPasswordFile.flag)=\(AgentOption.basicAuthPasswordFile.example)")
        }
        if let user = sources.setting(.basicAuthUser)?.text(),
            user.contains(":") || !user.utf8.allSatisfy({ $0 >= 0x20 })
        {
            throw wrong(.basicAuthUser, "the name has a colon or control characters", "a name without")
        }
        if let certificate = clientCertificate, let key = clientKey {
            do throws(TLSError) { try TLSFiles.checkPair(certificate: certificate, key: key) } catch {
                throw wrong(
                    .clientKey, "it is not the key of the certificate in \(UsageError.quoted(certificate))",
                    "the key that belongs to the certificate")
            }
        } else if clientCertificate != nil {
            throw wrong(
                .clientCert, "the key is missing", "\(AgentOption.clientKey.flag)=\(AgentOption.clientKey.example)")
        } else if clientKey != nil {
            throw wrong(
                .clientKey, "the certificate is missing",
                "\(AgentOption.clientCert.flag)=\(AgentOption.clientCert.example)")
        }
        if metricsProtocol != .otlp, metricsCompression == .gzip || metricsCompression == .none {
            throw wrong(
                .metricsCompression, "\(metricsProtocol.rawValue) knows no \(metricsCompression.rawValue)",
                "\(AgentOption.metricsCompression.flag)=snappy")
        }
        if otlpCompression == .snappy {
            throw wrong(.otlpCompression, "OTLP knows no snappy", "\(AgentOption.otlpCompression.flag)=gzip")
        }
        guard !metricsEndpoints.isEmpty || logsEndpoint != nil || tracesEndpoint != nil else { return }
        do throws(ProxySettings.Malformed) {
            proxies = try ProxySettings { sources.environment[$0] }
        } catch {
            throw wrong(
                metricsEndpoints.isEmpty ? logsEndpoint == nil ? .tracesEndpoint : .logsEndpoint : .metricsEndpoint,
                "the proxy in the environment variable \(error.variable): \(error.reason)",
                "\(error.variable)=http://proxy.example.com:3128")
        }
    }
}
