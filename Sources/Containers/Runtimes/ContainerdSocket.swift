import Exchange

/// containerd's container store, `containerd.services.containers.v1.Containers/Get`.
struct ContainerdSocket: Sendable {
    let client: UnaryGRPC
    /// containerd's namespace, `k8s.io` for Kubernetes.
    let namespace: String

    func inspect(_ id: String, deadline: UInt64) throws(ExchangeError) -> ContainerMetadata {
        // GetContainerRequest { string id = 1 }; ids are at most 76 bytes in containerd.
        let name = Array(id.utf8.prefix(127))
        let response = try client.call(
            "/containerd.services.containers.v1.Containers/Get", headers: [("containerd-namespace", namespace)],
            message: [0x0a, UInt8(name.count)] + name, deadline: deadline)
        var metadata = try Self.parse(response, id: id)
        metadata.containerdNamespace = namespace
        return metadata
    }

    /// GetContainerResponse { Container container = 1 } with Container { id = 1, labels = 2, image = 3, spec = 5,
    /// extensions = 10 }.
    static func parse(_ bytes: [UInt8], id: String) throws(ExchangeError) -> ContainerMetadata {
        var response = ProtobufReader(bytes[...])
        guard let (field, value) = response.next(), field == 1, case .bytes(let container) = value else {
            throw .malformed("no container in the response")
        }
        var metadata = ContainerMetadata()
        var found = ""
        var logPath = ""
        var reader = ProtobufReader(container)
        while let (field, value) = reader.next() {
            guard case .bytes(let bytes) = value else { continue }
            switch field {
            case 1: found = text(bytes)
            case 2:
                let (key, value) = entry(bytes)
                if metadata.labels.count < ContainerMetadata.itemLimit { metadata.labels[text(key)] = text(value) }
            case 3: metadata.image = text(bytes)
            case 5:
                if let bundle = try? OCIBundle.parse(Array(entry(bytes).value)) {
                    metadata.cgroupsPath = bundle.cgroupsPath
                    metadata.mounts = bundle.mounts
                    metadata.environment = bundle.environment
                }
            case 10:
                let (key, value) = entry(bytes)
                guard text(key) == "io.cri-containerd.container.metadata",
                    let document = try? JSONDocument(parsing: Array(entry(value).value))
                else { continue }
                logPath = document.root.string("Metadata", "LogPath") ?? ""
            default: break
            }
        }
        guard found == id else { throw .malformed("another container in the response") }
        metadata.logPath = logPath
        metadata.name = metadata.labels["nerdctl/name"] ?? id
        metadata.isSandbox = metadata.labels["io.cri-containerd.kind"] == "sandbox"
        return metadata
    }

    /// Fields 1 and 2 of a map entry, and of `google.protobuf.Any` (type and value).
    private static func entry(_ bytes: ArraySlice<UInt8>) -> (key: ArraySlice<UInt8>, value: ArraySlice<UInt8>) {
        var key = ArraySlice<UInt8>()
        var value = ArraySlice<UInt8>()
        var reader = ProtobufReader(bytes)
        while let (field, content) = reader.next() {
            guard case .bytes(let content) = content else { continue }
            if field == 1 { key = content }
            if field == 2 { value = content }
        }
        return (key, value)
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}
