import Exchange
import Linux

/// What Podman leaves on disk: the name among conmon's arguments, name and image in the storage's `containers.json`.
enum PodmanState {
    /// One store lists all its containers in one file.
    private static let sizeLimit = JSONDocument.defaultSizeLimit

    /// The metadata of container `id`, whose bundle is `STORE/overlay-containers/ID/userdata`; nil when neither conmon
    /// nor the store names it.
    static func read(id: String, bundle: OCIBundle) -> ContainerMetadata? {
        var metadata = OCIAnnotations.metadata(of: bundle)
        metadata.name = ProcessTable.value(of: "-n", in: bundle.monitorArguments) ?? ""
        if let log = ProcessTable.value(of: "-l", in: bundle.monitorArguments), log.hasPrefix("k8s-file:") {
            metadata.logPath = String(log.dropFirst("k8s-file:".count))
        }
        if let root = bundle.root, let store = store(ofBundle: bundle.directory) {
            for file in ["volatile-containers.json", "containers.json"] {
                guard let bytes = try? root.bytes("\(store)/\(file)", limit: sizeLimit),
                    let found = parse(bytes, id: id)
                else { continue }
                if metadata.name.isEmpty { metadata.name = found.name }
                if metadata.image.isEmpty { metadata.image = found.image }
                break
            }
        }
        return metadata.name.isEmpty ? nil : metadata
    }

    /// `STORE/overlay-containers` of `STORE/overlay-containers/ID/userdata`.
    private static func store(ofBundle directory: String) -> String? {
        let parts = directory.split(separator: "/")
        return parts.count > 2 ? "/" + parts.dropLast(2).joined(separator: "/") : nil
    }

    /// Name and image of one container in a store's list. Each entry carries Podman's own metadata as JSON in a string.
    static func parse(_ bytes: [UInt8], id: String) -> (name: String, image: String)? {
        guard let document = try? JSONDocument(parsing: bytes, sizeLimit: sizeLimit) else { return nil }
        var inner: String?
        var name = ""
        document.root.forEachElement { container in
            guard container.string("id") == id else { return }
            inner = container.string("metadata") ?? ""
            container.member("names")?.forEachElement(limit: 1) { name = $0.string() ?? "" }
        }
        guard let inner else { return nil }
        var image = ""
        if let document = try? JSONDocument(parsing: Array(inner.utf8), sizeLimit: 65536) {
            image = document.root.string("image-name") ?? ""
            name = document.root.string("name") ?? name
        }
        return (name, image)
    }
}
