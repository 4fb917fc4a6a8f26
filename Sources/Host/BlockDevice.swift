/// Names of block devices.
public enum BlockDevice {
    /// True for the name of a whole device that is reported: `dm-N`, `sdX` `hdX` `xvdX` `vdX` (one or more letters),
    /// `mdN`, `mmcblkN`, `nvmeNnN`, `rbdN`. Partitions, loop, zram, nbd and the like are not.
    public static func isWhole(_ name: String) -> Bool {
        NamePattern.prefixLength(of: name, patterns) == name.utf8.count
    }

    /// The whole device that a partition's name starts with (`sda1`: `sda`, `nvme0n1p2`: `nvme0n1`); a whole device is
    /// its own. nil for devices that are not reported.
    public static func whole(of name: String) -> String? {
        guard let length = NamePattern.prefixLength(of: name, patterns) else { return nil }
        return String(decoding: name.utf8.prefix(length), as: UTF8.self)
    }

    private static let patterns: [[NamePattern.Part]] = [
        [.text("dm-"), .digits],
        [.text("sd"), .letters],
        [.text("hd"), .letters],
        [.text("xvd"), .letters],
        [.text("vd"), .letters],
        [.text("md"), .digits],
        [.text("mmcblk"), .digits],
        [.text("nvme"), .digits, .text("n"), .digits],
        [.text("rbd"), .digits],
    ]
}
