import Glibc

/// Names of block devices.
public enum BlockDevice {
    /// True for a name that is that of a whole device by its form alone: `dm-N`, `sdX` `hdX` `xvdX` `vdX` (one or more
    /// letters), `mdN`, `mmcblkN`, `nvmeNnN`, `rbdN`. They are reported on every machine.
    public static func isWhole(_ name: String) -> Bool {
        NamePattern.prefixLength(of: name, patterns) == name.utf8.count
    }

    /// True for what is no disk of the node's, though the kernel lists it as a whole device: memory, files, drives with
    /// removable media, the paths below a multipath device (`nvme0c0n1`), the hidden parts of a memory card.
    static func isExcluded(_ name: String) -> Bool {
        NamePattern.prefixLength(of: name, exclusions) != nil
    }

    /// The whole device that a partition's name starts with (`sda1`: `sda`, `nvme0n1p2`: `nvme0n1`); a whole device is
    /// its own. nil for devices that are not of these forms.
    public static func whole(of name: String) -> String? {
        guard let length = NamePattern.prefixLength(of: name, patterns) else { return nil }
        return String(decoding: name.utf8.prefix(length), as: UTF8.self)
    }

    /// Whether the node reports the device: by the form of its name; else if the kernel lists it as a whole device (it stands
    /// in `/sys/block`, where partitions do not) and it was ever used. Drivers make devices in advance (`nbd0` to `nbd15`).
    static func isReported(_ name: String, isUsed: Bool, sysfs: String) -> Bool {
        if isWhole(name) { return true }
        if !isUsed || isExcluded(name) || name.isEmpty || name.contains("..") { return false }
        return access("\(sysfs)/block/\(String(name.map { $0 == "/" ? "!" : $0 }))", F_OK) == 0
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

    private static let exclusions: [[NamePattern.Part]] = [
        [.text("loop"), .digits],
        [.text("ram"), .digits],
        [.text("zram"), .digits],
        [.text("sr"), .digits],
        [.text("scd"), .digits],
        [.text("fd"), .digits],
        [.text("nvme"), .digits, .text("c"), .digits, .text("n"), .digits],
        [.text("mmcblk"), .digits, .text("boot")],
        [.text("mmcblk"), .digits, .text("rpmb")],
        [.text("mmcblk"), .digits, .text("gp")],
        [.text("mtdblock"), .digits],
    ]
}
