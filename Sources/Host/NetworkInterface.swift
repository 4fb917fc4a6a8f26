/// Names of network interfaces.
enum NetworkInterface {
    /// True for an interface that is reported: the names of physical and bonded interfaces and numbered bridges, compared
    /// by prefix without regard to case (so `eth0.100` is one). Those of containers and overlays are not.
    static func isReported(_ name: String) -> Bool {
        NamePattern.prefixLength(of: name.lowercased(), patterns) != nil
    }

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
