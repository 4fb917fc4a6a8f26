/// What the runtimes said about a container.
public enum Resolution: Sendable, Hashable {
    case found(ContainerMetadata)
    /// No runtime on this node knows it, in one line.
    case notFound(reason: String)
    /// A runtime that may know it did not answer, in one line: worth another try later.
    case failed(reason: String)
}
