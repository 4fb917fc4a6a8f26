import Host
import Linux
import Logging
import Metrics
import Network

/// Finds out at start what can tell destinations behind NAT on this node.
enum TranslationSetup {
    /// Opens the connection tracking of the host's network namespace, and Cilium's maps if there are any. What cannot be had
    /// costs one log line.
    static func make(
        hostNetns: UInt32, faults: CounterTable, features: FeatureTable, logger: Logger
    ) -> Translations? {
        let host = openHost(hostNetns, logger)
        features.set("conntrack", isEnabled: host != nil)
        let cilium = CiliumMaps(root: HostRoot.path())
        do throws(Errno) {
            return try Translations(hostNetns: hostNetns, host: host, cilium: cilium, faults: faults)
        } catch {
            logger.warning("conntrack is off: no epoll descriptor: \(error)")
            return nil
        }
    }

    private static func openHost(_ hostNetns: UInt32, _ logger: Logger) -> ConntrackSocket? {
        do throws(Errno) {
            let socket = try NetworkNamespace.run(inNetworkNamespaceOf: HostProcess.pid()) { () throws(Errno) in
                try ConntrackSocket(netns: hostNetns, receiveBytes: ConntrackSocket.hostQueue)
            }
            if socket.isSilent {
                logger.warning(
                    "conntrack: the kernel announces no connections, so each one is asked for; sysctl net.netfilter.nf_conntrack_events=2 avoids that"
                )
            }
            return socket
        } catch {
            let advice =
                error == .notPermitted || error == .accessDenied
                ? "it needs CAP_NET_ADMIN and CAP_SYS_ADMIN" : "it needs a kernel with nf_conntrack_netlink"
            logger.warning("conntrack is off: destinations behind NAT stay unknown: \(error); \(advice)")
            return nil
        }
    }
}
