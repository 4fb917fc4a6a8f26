import Metrics
import Testing

@Suite struct CounterTableTests {
    @Test func isBounded() {
        let table = CounterTable(limit: 2)
        for name in ["a", "b", "c", "d", "a"] { table.add(name) }
        #expect(table.all() == ["a": 2, "b": 1, "other": 2])
    }
}
