import Testing

@testable import GPU

@Suite struct SampleWindowTests {
    @Test func sums() {
        var window = SampleWindow()
        #expect(window.total(at: 100).count == 0)
        for second in 100..<UInt64(115) { window.add(30, at: second) }
        window.add(90, at: 114)
        let total = window.total(at: 114)
        #expect(total.sum == 15 * 30 + 90)
        #expect(total.count == 16)
        #expect(total.peak == 90)
    }

    @Test func oldSamplesGo() {
        var window = SampleWindow()
        window.add(50, at: 100)
        #expect(window.total(at: 114).count == 1)
        #expect(window.total(at: 115).count == 0)
        // The slot is taken over.
        window.add(10, at: 115)
        #expect(window.total(at: 115).sum == 10)
        #expect(window.total(at: 1_000_000).count == 0)
    }
}
