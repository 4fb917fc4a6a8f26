import Testing

@testable import Host

struct CgroupIOTests {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func version1() {
        let counters = CgroupIO.version1(
            bytes: Self.bytes(
                "254:0 Read 4096\n254:0 Write 8192\n254:0 Sync 1\n254:0 Total 12288\n8:16 Read 7\nTotal 12295\n"),
            operations: Self.bytes("254:0 Read 1\n254:0 Write 2\n8:16 Write 3\n1:1 Read 9\nTotal 3\n"))
        var disk = CgroupIO.Counters()
        (disk.readBytes, disk.writtenBytes, disk.reads, disk.writes) = (4096, 8192, 1, 2)
        #expect(counters[DeviceNumber(major: 254, minor: 0)] == disk)
        #expect(counters[DeviceNumber(major: 8, minor: 16)]?.readBytes == 7)
        #expect(counters[DeviceNumber(major: 8, minor: 16)]?.writes == 3)
        #expect(counters.count == 2)
        #expect(CgroupIO.version1(bytes: Self.bytes("Total 0\n"), operations: Self.bytes("Total 0\n")).isEmpty)
    }

    @Test func version2() {
        let text = """
            254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0
            8:16 cost.vrate=100.00 wios=9 rbytes=5 foo=bar wbytes=18446744073709551616
            7:0 
            (unknown) rbytes=1
            9:1 rbytes=1

            """
        let counters = CgroupIO.version2(Self.bytes(text + "9:2 rbytes=1"))
        var disk = CgroupIO.Counters()
        (disk.readBytes, disk.writtenBytes, disk.reads, disk.writes) = (1, 2, 3, 4)
        #expect(counters[DeviceNumber(major: 254, minor: 0)] == disk)
        #expect(counters[DeviceNumber(major: 8, minor: 16)]?.writes == 9)
        #expect(counters[DeviceNumber(major: 8, minor: 16)]?.writtenBytes == 0)
        #expect(counters.count == 3, "a device without counters, a line of no device, a cut line")
    }

    @Test func survivesGarbage() {
        let samples = ["254:0 Read 4096\nTotal 1\n", "254:0 rbytes=1 wbytes=2 rios=3 wios=4\n"]
        for sample in samples {
            let whole = Self.bytes(sample)
            for index in whole.indices {
                for byte: UInt8 in [0, 10, 32, 58, 61, 0xff] {
                    var broken = whole
                    broken[index] = byte
                    _ = CgroupIO.version1(bytes: broken, operations: broken)
                    _ = CgroupIO.version2(broken)
                    _ = CgroupIO.version2(Array(broken[..<index]))
                }
            }
        }
    }
}
