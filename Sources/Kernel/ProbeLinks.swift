internal import Glibc

/// Attached probes. They are taken away with this object, which may take a while: the kernel waits until none is running.
public final class ProbeLinks: Sendable {
    private let descriptors: [Int32]

    init(_ descriptors: [Int32]) { self.descriptors = descriptors }

    /// Descriptors of this process that are taken.
    public var count: Int { descriptors.count }

    deinit { for descriptor in descriptors { close(descriptor) } }
}
