/// One block device's line of `/proc/diskstats` (the kernel's Documentation/admin-guide/iostats.rst).
struct DiskStats: Equatable {
    var device: String
    var reads: UInt64
    /// In sectors of 512 bytes, whatever the device's own sector size.
    var sectorsRead: UInt64
    var readMilliseconds: UInt64
    var writes: UInt64
    var sectorsWritten: UInt64
    var writeMilliseconds: UInt64
    /// Time during which at least one request was in flight.
    var busyMilliseconds: UInt64

    /// All devices of the file, partitions too. Lines that are cut or not of this form are skipped and
    /// counted in `malformed`.
    static func parse(_ bytes: RawSpan) -> (disks: [DiskStats], malformed: Int) {
        var cursor = ByteCursor(bytes)
        var disks = [DiskStats]()
        var malformed = 0
        while !cursor.isAtEnd {
            if cursor.hasWholeLine, let disk = line(&cursor) {
                disks.append(disk)
            } else {
                malformed += 1
            }
            cursor.skipLine()
        }
        return (disks, malformed)
    }

    private static func line(_ cursor: inout ByteCursor) -> DiskStats? {
        guard cursor.nextNumber() != nil, cursor.nextNumber() != nil else { return nil }
        let name = cursor.nextWord()
        guard !name.isEmpty, name.count <= 64,
            let reads = cursor.nextNumber(), cursor.nextNumber() != nil,
            let sectorsRead = cursor.nextNumber(), let readMilliseconds = cursor.nextNumber(),
            let writes = cursor.nextNumber(), cursor.nextNumber() != nil,
            let sectorsWritten = cursor.nextNumber(), let writeMilliseconds = cursor.nextNumber(),
            cursor.nextNumber() != nil, let busyMilliseconds = cursor.nextNumber()
        else { return nil }
        return DiskStats(
            device: cursor.text(name), reads: reads, sectorsRead: sectorsRead, readMilliseconds: readMilliseconds,
            writes: writes, sectorsWritten: sectorsWritten, writeMilliseconds: writeMilliseconds,
            busyMilliseconds: busyMilliseconds)
    }
}
