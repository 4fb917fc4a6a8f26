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
        #expect(disks.map(\.device) == ["sda", "sda1", "sdaa", "nvme0n1", "loop0"])
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

    /// By what sysfs lists as whole devices, here a copy of one.
    @Test func reportedDevices() throws {
        let listed = [
            "sda", "nbd0", "drbd1", "bcache0", "md_d0", "md127", "pmem0", "dasda", "zd0", "cciss!c0d0", "loop0", "ram0",
            "zram0",
            "sr0", "nvme0n1", "nvme0c0n1", "mmcblk0", "mmcblk0boot0", "mmcblk0rpmb", "ublkb0", "etherd!e1.2",
        ]
        let tree = try TemporaryTree(
            Dictionary(uniqueKeysWithValues: listed.map { ("block/\($0)/size", "1\n") }))
        func isReported(_ name: String, isUsed: Bool = true) -> Bool {
            BlockDevice.isReported(name, isUsed: isUsed, sysfs: tree.path)
        }
        for name in [
            "sda", "sdaa", "dm-3", "nbd0", "drbd1", "bcache0", "md_d0", "md127", "pmem0", "dasda", "zd0", "cciss/c0d0",
            "nvme0n1", "mmcblk0", "ublkb0", "etherd/e1.2",
        ] {
            #expect(isReported(name), "\(name)")
        }
        for name in [
            "sda1", "nbd0p1", "dasda1", "md_d0p1", "cciss/c0d0p1", "loop0", "ram0", "zram0", "sr0", "nvme0c0n1",
            "nvme0n1p1", "mmcblk0p1", "mmcblk0boot0", "mmcblk0rpmb", "nbd1", "../block/sda", "",
        ] {
            #expect(!isReported(name), "\(name)")
        }
        #expect(!isReported("nbd0", isUsed: false), "a driver made it in advance")
        #expect(isReported("sda", isUsed: false))
    }

    @Test func interfaceNames() {
        for name in [
            "enp3s0", "enP2p1s0", "enp2p1s0f1", "enp65s0f0np0", "eth0", "ETH1", "eth0.100", "eno1", "ens5", "em1",
            "bond0",
            "p2p1", "enx00e04c680001", "br0", "vmbr0",
        ] {
            #expect(NetworkInterface.hasKnownName(name), "\(name)")
        }
        for name in [
            "", "lo", "docker0", "veth1a2b", "cni0", "flannel.1", "wlp2s0", "team0", "br-0123456789ab", "enp3",
        ] {
            #expect(!NetworkInterface.hasKnownName(name), "\(name)")
        }
    }

    /// Which interfaces carry the node's own traffic follows from how the kernel has them.
    @Test func interfaces() {
        var links: [RouteSocket.Link] = []
        func add(_ name: String, kind: String = "", type: UInt16 = 1, lower: Int32 = 0, master: String = "") {
            var link = RouteSocket.Link()
            link.index = Int32(links.count + 1)
            link.name = name
            link.kind = kind
            link.hardwareType = type
            link.lower = lower
            link.master = links.first { $0.name == master }?.index ?? 0
            links.append(link)
        }
        add("lo", type: 772)
        add("br-ex", kind: "bridge")
        add("bond-x", kind: "bond")
        for name in ["wlp2s0", "enp3s0f0np0", "eno1np0", "ens3f0np0", "wwan0", "hn0", "enP5p1s0"] { add(name) }
        add("ib0", type: 32)
        add("ib0.8001", kind: "ipoib", type: 32)
        add("team0", kind: "team", master: "br-ex")
        add("storage", kind: "vlan", lower: 3)
        add("eth0", kind: "veth")
        add("virbr0", kind: "bridge")
        add("mgmt", kind: "bridge")
        add("vlan7", kind: "vlan", lower: 3, master: "mgmt")
        let reported: Set<String> = Set(links.map(\.name)).subtracting(["lo", "virbr0"])
        for name in ["docker0", "cni0", "br-0123456789ab", "lxdbr0", "podman1", "docker_gwbridge"] {
            add(name, kind: "bridge")
        }
        for (index, bridge) in ["docker0", "cni0", "virbr0"].enumerated() {
            add("veth\(index)", kind: "veth", master: bridge)
        }
        add("vlan8", kind: "vlan", lower: Int32(links.count))
        for (name, kind) in [
            ("cali0a1b", "veth"), ("lxc1", "veth"), ("flannel.1", "vxlan"), ("tunl0", "ipip"), ("kube-ipvs0", "dummy"),
            ("dummy0", "dummy"), ("wg0", "wireguard"), ("tap0", "tun"), ("ifb0", "ifb"), ("br-int", "openvswitch"),
            ("cilium_host", "veth"), ("macvtap0", "macvtap"), ("azv1", "veth"), ("nodelocaldns", "dummy"),
        ] { add(name, kind: kind) }
        add("sit0", kind: "sit", type: 776)
        #expect(Set(NetworkInterface.reported(links).map(\.name)) == reported)
    }

    @Test func operationalStates() {
        func isUp(_ state: UInt8, _ flags: UInt32) -> Bool {
            var link = RouteSocket.Link()
            (link.operationalState, link.flags) = (state, flags)
            return link.isUp
        }
        #expect(isUp(6, 0x1_0001))
        #expect(isUp(0, 0x1_0001), "a driver that does not tell")
        #expect(!isUp(0, 1) && !isUp(0, 0x1_0000) && !isUp(2, 0x1_0001) && !isUp(5, 0x1_0001))
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
