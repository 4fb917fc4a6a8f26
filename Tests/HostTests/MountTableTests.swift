import Foundation
import Linux
import Testing

@testable import Host

struct MountTableTests {
    private static func parse(_ text: String, _ wanted: Set<UInt32>) -> [UInt32: MountTable.Mount] {
        MountTable.parse(Array(text.utf8), wanted: wanted).mounts
    }

    private static let table = """
        900 800 0:60 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/a
        901 900 0:61 / /proc rw - proc proc rw
        902 900 254:0 /srv/a\\040b /data\\040x rw,relatime - ext4 /dev/vda rw
        903 900 259:3 / /vol rw shared:5 master:2 propagate_from:1 - xfs /dev/nvme0n1p3 rw
        904 900 0:62 / /tmp rw - tmpfs tmpfs rw
        905 900 0:63 / /tank rw - zfs tank/data rw
        906 900 0:64 / /remote rw - fuse.sshfs host: rw
        907 906 254:0 / /remote/disk rw - ext4 /dev/vda rw
        908 900 254:16 / /remotely rw - ext4 /dev/vdb rw
        909 900 254:32 / /ntfs rw - fuseblk /dev/vdc rw
        910 907 0:65 / /remote/disk/nfs rw - nfs4 server:/ rw
        911 910 254:48 / /remote/disk/nfs/b rw - ext4 /dev/vdd rw

        """

    @Test func keepsWhatStandsOnDevices() {
        let mounts = Self.parse(Self.table, Set(900...911))
        #expect(Set(mounts.keys) == [902, 903, 905, 907, 908, 909, 911])
        #expect(
            mounts[902]
                == MountTable.Mount(
                    id: 902, device: DeviceNumber(major: 254, minor: 0), root: "/srv/a b", point: "/data x",
                    gate: DeviceNumber(major: 254, minor: 0)))
        #expect(mounts[903]?.point == "/vol")
        #expect(mounts[903]?.device == DeviceNumber(major: 259, minor: 3))
        #expect(Self.parse(Self.table, [903]).keys.map(\.self) == [903])
    }

    /// What stands on the way decides what a look may wait for: the first of them.
    @Test func gates() {
        let mounts = Self.parse(Self.table, Set(900...911))
        #expect(mounts[907]?.gate == DeviceNumber(major: 0, minor: 64))
        #expect(mounts[911]?.gate == DeviceNumber(major: 0, minor: 64))
        #expect(mounts[908]?.gate == DeviceNumber(major: 254, minor: 16), "/remotely is not below /remote")
        #expect(mounts[909]?.gate == DeviceNumber(major: 254, minor: 32))
    }

    @Test(arguments: [
        "", "\n", "1\n", "1 2\n", "1 2 3:4\n", "1 2 3:4 / /x\n", "1 2 3:4 / /x rw\n", "1 2 3:4 / /x rw -\n",
        "1 2 3:4 / /x rw - \n", "x 2 3:4 / /x rw - ext4 d rw\n", "1 2 3 / /x rw - ext4 d rw\n",
        "4294967297 2 3:4 / /x rw - ext4 d rw\n", "1 2 4294967297:4 / /x rw - ext4 d rw\n",
        "1 2 3:4 / /x rw - ext4 d rw",
    ])
    func otherLinesAreSkipped(_ line: String) {
        #expect(Self.parse(line, [1]).isEmpty)
        if line.hasSuffix("\n") { #expect(Self.parse(line + Self.table, [1, 902]).count == 1) }
    }

    @Test func escapesThatAreNone() {
        let mounts = Self.parse("1 2 3:4 / /a\\04\\1345\\999\\ rw - ext4 d rw\n", [1])
        #expect(mounts[1]?.point == "/a\\04\\5\\999\\")
    }

    @Test func survivesGarbage() {
        let whole = Array(Self.table.utf8)
        for end in whole.indices { _ = MountTable.parse(Array(whole[..<end]), wanted: [902, 911]) }
        for index in whole.indices {
            for byte: UInt8 in [0, 10, 32, 45, 58, 92, 0xff] {
                var broken = whole
                broken[index] = byte
                _ = MountTable.parse(broken, wanted: [902, 911])
            }
        }
    }

    /// The kernel's own table agrees with stat(2).
    @Test func thisProcess() throws {
        let table = try MountTable.read(pid: getpid(), wanted: Set(0..<4096))
        for mount in table.mounts.values where mount.point == "/" {
            var status = stat()
            #expect(stat("/", &status) == 0)
            #expect(DeviceNumber(status: UInt64(status.st_dev)) == mount.device)
        }
    }
}
