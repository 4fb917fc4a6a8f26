import Foundation

/// A network namespace with one end of a virtual cable whose other end stays with the host.
final class NetworkNamespace {
    let name: String
    /// To be given to a runtime.
    var path: String { "/run/netns/" + name }
    let hostAddress: String
    let insideAddress: String
    let hostInterface: String
    let insideInterface: String

    /// - Parameter hostInterface: the host's end; names such as `eth7` are those of real cards.
    init(hostInterface: String? = nil, in scratch: Scratch) throws {
        let number = UInt8.random(in: 1...250)
        let subnet = UInt8.random(in: 1...250)
        name = "mt\(number)x\(subnet)"
        hostAddress = "10.231.\(number).1"
        insideAddress = "10.231.\(number).2"
        let outer = hostInterface ?? "mh\(number)x\(subnet)"
        let inner = "mi\(number)x\(subnet)"
        self.hostInterface = outer
        insideInterface = inner
        try Command.check(["ip", "netns", "add", name])
        scratch.atEnd { [name] in _ = try? Command.run(["ip", "netns", "del", name]) }
        try Command.check(["ip", "link", "add", outer, "type", "veth", "peer", "name", inner])
        scratch.atEnd { _ = try? Command.run(["ip", "link", "del", outer]) }
        try Command.check(["ip", "link", "set", inner, "netns", name])
        try Command.check(["ip", "addr", "add", hostAddress + "/30", "dev", outer])
        try Command.check(["ip", "link", "set", outer, "up"])
        // Not "ip netns exec": it mounts another /sys, without the cgroups.
        let enter = ["nsenter", "--net=" + path]
        try Command.check(enter + ["ip", "addr", "add", insideAddress + "/30", "dev", inner])
        try Command.check(enter + ["ip", "link", "set", inner, "up"])
        try Command.check(enter + ["ip", "link", "set", "lo", "up"])
    }
}
