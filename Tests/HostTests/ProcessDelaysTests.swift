import Foundation
import Linux
import Testing

@testable import Host

struct ProcessDelaysTests {
    private static func attribute(_ type: UInt16, _ value: [UInt8]) -> [UInt8] {
        let length = UInt16(4 + value.count)
        return withUnsafeBytes(of: (length, type)) { Array($0) } + value
            + [UInt8](repeating: 0, count: (4 - value.count % 4) % 4)
    }

    private static func number<Value>(_ value: Value) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

    private static func statistics(version: UInt16, size: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        bytes.replaceSubrange(0..<2, with: number(version))
        if size >= 32 { bytes.replaceSubrange(24..<32, with: number(UInt64(7_000))) }
        if size >= 48 { bytes.replaceSubrange(40..<48, with: number(UInt64(9_000))) }
        return bytes
    }

    @Test(arguments: [(UInt16(8), 328), (14, 416), (1, 48), (99, 5000)])
    func anyVersion(_ version: UInt16, _ size: Int) {
        let inner =
            Self.attribute(2, Self.number(UInt32(42))) + Self.attribute(6, [])
            + Self.attribute(3, Self.statistics(version: version, size: size))
        let answer = ProcessDelays.delays(Self.attribute(5, inner).span.bytes)
        #expect(answer?.0 == 42)
        #expect(answer?.1 == ProcessDelays.Delays(cpu: 7_000, disk: 9_000))
    }

    @Test func shortOrBrokenAnswers() {
        let pid = Self.attribute(2, Self.number(UInt32(42)))
        #expect(ProcessDelays.delays([UInt8]().span.bytes) == nil)
        #expect(ProcessDelays.delays(Self.attribute(5, pid).span.bytes) == nil)
        let short = pid + Self.attribute(3, Self.statistics(version: 8, size: 47))
        #expect(ProcessDelays.delays(Self.attribute(5, short).span.bytes) == nil)
        let unversioned = pid + Self.attribute(3, Self.statistics(version: 0, size: 328))
        #expect(ProcessDelays.delays(Self.attribute(5, unversioned).span.bytes) == nil)
        let whole = Self.attribute(5, pid + Self.attribute(3, Self.statistics(version: 8, size: 64)))
        for end in whole.indices { _ = ProcessDelays.delays(Array(whole[..<end]).span.bytes) }
        for index in whole.indices {
            var broken = whole
            broken[index] = 0xff
            _ = ProcessDelays.delays(broken.span.bytes)
            _ = ProcessDelays.family(broken.span.bytes)
        }
    }

    /// The kernel's answers: this process, one that is not there, and many at once.
    @Test(.enabled(if: geteuid() == 0, "needs CAP_NET_ADMIN")) func thisMachine() throws {
        var delays = try ProcessDelays()
        let own = UInt32(getpid())
        var answers: [UInt32: ProcessDelays.Delays] = [:]
        #expect(try delays.read([own, 0x3FFF_FFFF, 1]) { answers[$0] = $1 })
        #expect(Set(answers.keys) == [own, 1])
        // One core is shared with everything else: there was some waiting.
        #expect((answers[own]?.cpu ?? 0) > 0)
        var count = 0
        #expect(try delays.read(Array(repeating: own, count: 1000)) { pid, _ in count += pid == own ? 1 : 0 })
        #expect(count == 1000)
    }

    /// Answers that do not fit the socket are missing, which is told; the next question is answered.
    @Test(.enabled(if: geteuid() == 0, "needs CAP_NET_ADMIN")) func overrun() throws {
        var delays = try ProcessDelays(receiveBuffer: 1)
        let own = UInt32(getpid())
        var count = 0
        #expect(try delays.read(Array(repeating: own, count: 320)) { _, _ in count += 1 } == false)
        #expect(count > 0 && count < 320)
        count = 0
        #expect(try delays.read([own]) { _, _ in count += 1 })
        #expect(count == 1)
    }
}
