import Exchange

/// The Docker Engine API's `GET /containers/ID/json`, unversioned: the daemon answers with what it speaks.
struct DockerSocket: Sendable {
    let client: HTTPClient

    func inspect(_ id: String, deadline: UInt64) throws(ExchangeError) -> ContainerMetadata {
        let response = try client.get("/containers/\(id)/json", deadline: deadline)
        switch response.status {
        case 200: break
        case 404: throw .notFound
        default: throw .refused(status: response.status)
        }
        do {
            let document = try JSONDocument(parsing: response.body)
            return DockerState.metadata(from: document.root)
        } catch {
            throw .malformed("\(error)")
        }
    }
}
