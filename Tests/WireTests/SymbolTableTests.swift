import Metrics
import Testing

@testable import Wire

@Suite(.serialized) struct SymbolTableTests {
    @Test func countsReferences() {
        let table = SymbolTable()
        let first = table.add("a")
        #expect(table.add("a") == first && table.add("b") != first && table.count == 2)
        func release(_ number: UInt32) { withUnsafeBytes(of: number) { table.release($0) } }
        release(first)
        #expect(table.count == 2)
        release(first)
        #expect(table.count == 1)
        // A number without a reference is given to another text.
        #expect(table.add("c") == first)
        var symbol = WireBuffer()
        table.appendSymbol(first, to: &symbol)
        #expect(content(symbol) == [0x22, 1, UInt8(ascii: "c")])
    }

    /// Containers that come and go leave nothing behind: neither texts nor numbers.
    @Test func labelSetsThatDieLetGoOfTheirSymbols() {
        var encoder = MetricsEncoder(.remoteWrite2, extraLabels: LabelSet([("job", "symbols")]))
        var buffer = WireBuffer()
        func generation(_ number: Int) {
            var snapshot = MetricsSnapshot(timestamp: 1)
            for index in 0..<500 {
                snapshot.add(.containerInfo, LabelSet([("symbol_test", "generation \(number), \(index)")]), 1)
            }
            encoder.encode(snapshot, into: &buffer) { _, samples in #expect(samples == 500) }
            // The texts of these sets, and what other tests leave meanwhile.
            #expect(SymbolTable.shared.holds("generation \(number), 0"))
        }
        for number in 0..<20 { generation(number) }
        for number in 0..<20 { #expect(!SymbolTable.shared.holds("generation \(number), 0")) }
    }
}

extension SymbolTable {
    /// Whether somebody refers to `text`.
    fileprivate func holds(_ text: String) -> Bool {
        let before = count
        let number = add(text)
        let isNew = count > before
        withUnsafeBytes(of: number) { release($0) }
        return !isNew
    }
}
