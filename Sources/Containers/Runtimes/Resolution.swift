/// What the runtimes said about a container.
public enum Resolution: Sendable, Hashable {
    case found(ContainerMetadata)
    /// Who it is, from disk; a runtime that may know more did not answer, in one line: worth another try later.
    case partial(ContainerMetadata, reason: String)
    /// No runtime on this node knows it, in one line.
    case notFound(reason: String)
    /// A runtime that may know it did not answer, in one line: worth another try later.
    case failed(reason: String)
    /// Nobody was asked, because too many containers wait, in one line: to be tried again.
    case busy(reason: String)

    /// What is known.
    public var metadata: ContainerMetadata? {
        switch self {
        case .found(let metadata), .partial(let metadata, _): metadata
        case .notFound, .failed, .busy: nil
        }
    }
}
