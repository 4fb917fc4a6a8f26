import Exchange

/// CRI-O's inspection API, `GET /containers/ID`.
struct CRIOSocket: Sendable {
    let client: HTTPClient

    func inspect(_ id: String, deadline: UInt64) throws(ExchangeError) -> ContainerMetadata {
        let response = try client.get("/containers/\(id)", deadline: deadline)
        switch response.status {
        case 200: break
        case 404: throw .notFound
        default: throw .refused(status: response.status)
        }
        do { return try Self.parse(response.body) } catch { throw .malformed("\(error)") }
    }

    static func parse(_ bytes: [UInt8]) throws(JSONError) -> ContainerMetadata {
        let document = try JSONDocument(parsing: bytes)
        let container = document.root
        var metadata = ContainerMetadata()
        metadata.name = container.string("name") ?? ""
        metadata.image = container.string("image") ?? ""
        metadata.labels = container.strings("labels")
        metadata.logPath = container.string("log_path") ?? ""
        for annotations in ["crio_annotations", "annotations"] {
            if let text = container.string(annotations, "io.kubernetes.cri-o.Volumes") {
                metadata.mounts.merge(volumes(text)) { mine, _ in mine }
            }
        }
        if let pid = container.integer("pid"), pid > 0 { metadata.initPID = Int32(exactly: pid) }
        return metadata
    }

    /// Host paths by container path, from the list that CRI-O keeps as JSON in an annotation.
    static func volumes(_ text: String) -> [String: String] {
        guard let document = try? JSONDocument(parsing: Array(text.utf8), sizeLimit: 1 << 20) else { return [:] }
        var result = [String: String]()
        document.root.forEachElement(limit: ContainerMetadata.itemLimit) { volume in
            if let destination = volume.string("container_path"), let source = volume.string("host_path") {
                result[destination] = source
            }
        }
        return result
    }
}
