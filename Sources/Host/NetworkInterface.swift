/// Which network interfaces the node reports.
enum NetworkInterface {
    /// The interfaces that are reported, in the order of `links`.
    ///
    /// What carries the node's own traffic: hardware (the kernel knows no kind for it), what is made of hardware (bonds,
    /// teams, VLANs, IPoIB), bridges into which one of these is plugged, and every name that coroot-node-agent reports. Not:
    /// the loopback interface, and what belongs to containers and overlays (veth, docker0, cni0, flannel, cali*, lxc*, dummy, …).
    static func reported(_ links: [RouteSocket.Link]) -> [RouteSocket.Link] {
        let bridges = Set(links.lazy.filter { $0.kind == "bridge" }.map(\.index))
        var chosen = Set<Int32>()
        for link in links where hasKnownName(link.name) || isHardware(link) || aggregates.contains(link.kind) {
            chosen.insert(link.index)
        }
        // On top of others, which may stand later in the list: VLANs on bonds, bridges with VLANs. A few levels are enough.
        for _ in 0..<4 {
            let before = chosen.count
            for link in links {
                if link.kind == "vlan", chosen.contains(link.lower) { chosen.insert(link.index) }
                if bridges.contains(link.master), chosen.contains(link.index) { chosen.insert(link.master) }
            }
            if chosen.count == before { break }
        }
        return links.filter { chosen.contains($0.index) }
    }

    /// The names that coroot-node-agent reports: of physical and bonded interfaces and numbered bridges, compared by prefix
    /// without regard to case (so `eth0.100` is one).
    static func hasKnownName(_ name: String) -> Bool {
        NamePattern.prefixLength(of: name.lowercased(), patterns) != nil
    }

    /// Ethernet or InfiniBand (ARPHRD_… in linux/if_arp.h), and not made by a command, which would give it a kind.
    private static func isHardware(_ link: RouteSocket.Link) -> Bool {
        link.kind.isEmpty && (link.hardwareType == 1 || link.hardwareType == 32)
    }

    private static let aggregates: Set<String> = ["bond", "team", "ipoib"]

    private static let patterns: [[NamePattern.Part]] = [
        [.text("enp"), .digits, .text("s"), .digits],
        // With a PCI domain, enP2p1s0.
        [.text("enp"), .digits, .text("p"), .digits, .text("s"), .digits],
        [.text("eth"), .digits],
        [.text("eno"), .digits],
        [.text("ens"), .digits],
        [.text("em"), .digits],
        [.text("bond"), .digits],
        [.text("p"), .digits, .text("p"), .digits],
        [.text("enx"), .hexadecimal],
        [.text("br"), .digits],
        [.text("vmbr"), .digits],
    ]
}
