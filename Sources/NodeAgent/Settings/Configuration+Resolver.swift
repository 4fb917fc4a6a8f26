import Containers
import Host

extension Configuration {
    /// How metadata of containers is looked up.
    var resolver: MetadataResolver.Configuration {
        var resolver = MetadataResolver.Configuration()
        resolver.hostRoot = HostRoot.path()
        // The registry itself asks again with growing pauses; this only keeps a burst of events from asking twice.
        resolver.negativeLifetime = 400_000_000
        resolver.needsLabels = identity.needsLabels
        return resolver
    }
}
