import Testing

@testable import Host

/// The parsers of the node's /proc files, on recorded and on hostile bytes.
struct ParserTests {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func uptime() {
        #expect(Uptime.parse(Self.bytes("1963.36 2992.06\n").span.bytes) == 1963.36)
        #expect(Uptime.parse(Self.bytes("7 8").span.bytes) == 7)
        for garbage in ["", "1963.36", "1963.36 2992.06 1\n", "x 1\n", "1. 2\n", "-1 2\n", "99999999999999999999 1\n"] {
            #expect(Uptime.parse(Self.bytes(garbage).span.bytes) == nil, "\(garbage)")
        }
    }

    @Test func stat() {
        let text = """
            cpu  10 20 30 40 50 60 70 80 90 100
            cpu0 5 10 15 20 25 30 35 40 45 50
            cpu13 5 10 15 20 25 30 35 40 45 50
            intr 1 2 3
            cpu2 of a line that comes too late
            """
        let stat = ProcStat.parse(Self.bytes(text).span.bytes)
        #expect(stat == ProcStat(ticks: [10, 20, 30, 40, 50, 60, 70, 80], logicalCores: 2))
        #expect(ProcStat.parse(Self.bytes("cpu 1 2 3 4 5 6 7\n").span.bytes) == nil)
        #expect(ProcStat.parse(Self.bytes("cpu 1 2 3 4 5 6 7 8").span.bytes) == nil, "cut line")
        #expect(ProcStat.parse(Self.bytes("intr 1\n").span.bytes) == nil)
    }

    @Test func meminfo() {
        let text =
            "MemTotal: 100 kB\nMemFree:  50 kB\nMemAvailable:\t60 kB\nBuffers: 1 kB\nCached: 70 kB\n"
            + "SwapCached: 9 kB\n"
        let expected = MemInfo(total: 102_400, free: 51_200, available: 61_440, cached: 71_680)
        #expect(MemInfo.parse(Self.bytes(text).span.bytes) == expected)
        #expect(MemInfo.parse(Self.bytes("MemTotal: 100 kB\n").span.bytes) == nil)
        let tooLarge = text.replacing("MemTotal: 100", with: "MemTotal: 18446744073709551615")
        #expect(MemInfo.parse(Self.bytes(tooLarge).span.bytes) == nil)
    }

    @Test func diskstats() {
        let text = """
               8       0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17
               8       1 sda1 1 2 3 4 5 6 7 8 9 10 11
              65     160 sdaa 100 2 3 4 5 6 7 8 9 10 11
             259       0 nvme0n1 1 2 3 4 5 6 7 8 9 10 11
               7       0 loop0 0 0 0 0 0 0 0 0 0 0 0
               8      16 sdb 1 2 3
            nonsense
               8      32 sdc 1 2 3 4 5 6 7 8 9 10 11
            """
        let (disks, malformed) = DiskStats.parse(Self.bytes(text).span.bytes)
        #expect(disks.map(\.device) == ["sda", "sdaa", "nvme0n1"])
        // sdb is short, one line is nonsense, and sdc's line has no end.
        #expect(malformed == 3)
        #expect(
            disks.first
                == DiskStats(
                    device: "sda", reads: 1, sectorsRead: 3, readMilliseconds: 4, writes: 5, sectorsWritten: 7,
                    writeMilliseconds: 8, busyMilliseconds: 10))
    }

    @Test func wholeDevices() {
        let whole = [
            "dm-0", "sda", "sdaa", "hdb", "xvda", "vda", "vdbc", "md127", "mmcblk0", "nvme0n1", "nvme10n12", "rbd3",
        ]
        for name in whole {
            #expect(BlockDevice.isWhole(name), "\(name)")
            #expect(BlockDevice.whole(of: name) == name)
        }
        for name in [
            "", "sd", "sda1", "dm-", "loop0", "zram0", "nbd0", "drbd1", "sr0", "nvme0", "nvme0n1p1", "nvme0c0n1",
            "md_d0",
            "mmcblk0p1", "mmcblk0boot0", "SDA", "sdä",
        ] {
            #expect(!BlockDevice.isWhole(name), "\(name)")
        }
        #expect(BlockDevice.whole(of: "sdaa3") == "sdaa")
        #expect(BlockDevice.whole(of: "nvme0n1p2") == "nvme0n1")
        #expect(BlockDevice.whole(of: "mmcblk0p1") == "mmcblk0")
        #expect(BlockDevice.whole(of: "loop0") == nil)
    }

    @Test func interfaces() {
        for name in [
            "enp3s0", "enP2p1s0", "enp2p1s0f1", "enp65s0f0np0", "eth0", "ETH1", "eth0.100", "eno1", "ens5", "em1",
            "bond0",
            "p2p1", "enx00e04c680001", "br0", "vmbr0",
        ] {
            #expect(NetworkInterface.isReported(name), "\(name)")
        }
        for name in [
            "", "lo", "docker0", "veth1a2b", "cni0", "flannel.1", "lxc123", "kube-ipvs0", "dummy0", "wlp2s0", "team0",
            "br-0123456789ab", "enp3", "eth", "ifb0", "tap0",
        ] {
            #expect(!NetworkInterface.isReported(name), "\(name)")
        }
    }

    @Test func cgroupFiles() {
        #expect(CgroupFiles.number(Self.bytes("42\n").span.bytes) == 42)
        #expect(CgroupFiles.number(Self.bytes("max\n").span.bytes) == nil)
        #expect(CgroupFiles.number(Self.bytes("-1\n").span.bytes) == nil)
        #expect(CgroupFiles.cpuMax(Self.bytes("150000 100000\n").span.bytes) == 1.5)
        #expect(CgroupFiles.cpuMax(Self.bytes("max 100000\n").span.bytes) == nil)
        #expect(CgroupFiles.cpuMax(Self.bytes("1 0\n").span.bytes) == nil)
        let values = CgroupFiles.values(
            Self.bytes("anon 1\nfile 2\nfilex 7\nfile_mapped 3\nfile 9\nshmem x\ncut 5").span.bytes,
            of: ["file_mapped", "file", "shmem", "cut", "absent"])
        #expect(values == [3, 2, nil, nil, nil])
        let pressure = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 total=250000\n"
        #expect(CgroupFiles.pressure(Self.bytes(pressure).span.bytes) == .init(some: 1.5, full: 0.25))
        let old = Self.bytes("some avg10=0.00 total=3000000\n")
        #expect(CgroupFiles.pressure(old.span.bytes) == .init(some: 3, full: 0))
        #expect(CgroupFiles.pressure(Self.bytes("full total=1\n").span.bytes) == nil)
        #expect(CgroupFiles.pressure(Self.bytes("some total\n").span.bytes) == nil)
    }

    /// No parser may crash, whatever it gets: every prefix of real files, and those with every byte broken in turn.
    @Test func survivesGarbage() {
        let samples = [
            "1963.36 2992.06\n", "cpu  1 2 3 4 5 6 7 8\ncpu0 1 2\n", "MemTotal: 1 kB\nMemFree: 2 kB\nCached: 3 kB\n",
            " 8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n", "some avg10=0.00 total=1\nfull avg10=0.00 total=2\n",
            "12:cpu,cpuacct:/a\n0::/b (deleted)\n", "1 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20\n",
        ]
        for sample in samples {
            let whole = Self.bytes(sample)
            for end in 0...whole.count { Self.parseAll(Array(whole[..<end])) }
            for index in whole.indices {
                for byte: UInt8 in [0, 10, 32, 40, 41, 58, 0x80, 0xff] {
                    var broken = whole
                    broken[index] = byte
                    Self.parseAll(broken)
                }
            }
        }
    }

    private static func parseAll(_ bytes: [UInt8]) {
        _ = Uptime.parse(bytes.span.bytes)
        _ = ProcStat.parse(bytes.span.bytes)
        _ = MemInfo.parse(bytes.span.bytes)
        _ = DiskStats.parse(bytes.span.bytes)
        _ = CgroupFiles.pressure(bytes.span.bytes)
        _ = CgroupFiles.values(bytes.span.bytes, of: ["cpu", "some"])
        _ = CgroupFiles.cpuMax(bytes.span.bytes)
        _ = CgroupPaths.parse(bytes)
        _ = CgroupLayout.hierarchyIDs(bytes)
        _ = ProcessDetails.Stat.parse(bytes.span.bytes)
        _ = RouteSocket.link(bytes.span.bytes)
        _ = RouteSocket.address(bytes.span.bytes)
    }
}
