import Glibc
import Linux

/// The block devices of the node by number: their names, and which whole device a partition is part of.
///
/// Used by one actor at a time; not `Sendable`.
public final class BlockDevices {
    /// A whole device.
    public struct Whole: Equatable, Sendable {
        public let name: String
        public let number: DeviceNumber
    }

    private let procfs: String
    private let sysfs: String
    private var diskstats = HeldFile()
    private var buffer = [UInt8](repeating: 0, count: 16_384)
    private var names: [DeviceNumber: String] = [:]
    private var numbers: [String: DeviceNumber] = [:]
    private var wholes: [DeviceNumber: Whole] = [:]
    private static let maximumDevices = 16_384

    /// `procfs` and `sysfs` are where these are mounted.
    public init(procfs: String = "/proc", sysfs: String = "/sys") {
        self.procfs = procfs
        self.sysfs = sysfs
    }

    /// Reads the list of devices again. Keeps the old one if that fails, and returns false.
    public func refresh() -> Bool {
        diskstats.open(procfs + "/diskstats")
        guard let count = diskstats.readAll(into: &buffer) else { return false }
        var names: [DeviceNumber: String] = [:]
        var cursor = ByteCursor(buffer.span.bytes.extracting(first: count))
        while cursor.hasWholeLine, names.count < Self.maximumDevices {
            if let major = cursor.nextNumber(), let major = UInt32(exactly: major), let minor = cursor.nextNumber(),
                let minor = UInt32(exactly: minor)
            {
                let name = cursor.nextWord()
                if !name.isEmpty, name.count <= 64 {
                    names[DeviceNumber(major: major, minor: minor)] = cursor.text(name)
                }
            }
            cursor.skipLine()
        }
        if names != self.names {
            self.names = names
            numbers = Dictionary(names.map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
            wholes = [:]
        }
        return true
    }

    /// The whole device that `number` is, or is a partition of; nil for a number that no block device has.
    public func whole(of number: DeviceNumber) -> Whole? {
        if let known = wholes[number] { return known }
        guard let name = names[number] else { return nil }
        let wholeName = parent(of: number) ?? name
        let whole = Whole(name: wholeName, number: numbers[wholeName] ?? number)
        wholes[number] = whole
        return whole
    }

    /// The name of the device that has `number` as a partition; nil if it is no partition. The kernel says so in sysfs;
    /// where that cannot be read the name does.
    private func parent(of number: DeviceNumber) -> String? {
        let link = "\(sysfs)/dev/block/\(number.major):\(number.minor)"
        guard let target = try? SmallFile.link(link) else {
            guard let name = names[number], let whole = BlockDevice.whole(of: name), whole != name else { return nil }
            return numbers[whole] == nil ? nil : whole
        }
        guard access(link + "/partition", F_OK) == 0 else { return nil }
        // …/block/sda/sda1. sysfs writes a slash in a name as an exclamation mark.
        let parts = target.split(separator: "/")
        guard parts.count >= 2 else { return nil }
        return String(parts[parts.count - 2].map { $0 == "!" ? "/" : $0 })
    }
}
