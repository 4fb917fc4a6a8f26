import Network
import Testing

@Suite struct AgingTableTests {
    @Test func forgetsAfterTwoLifetimes() {
        var table = AgingTable<Int, Int>(capacity: 10, lifetime: 100)
        table.insert(1, for: 1, now: 0)
        table.age(now: 150)
        #expect(table[1] == 1)
        table.age(now: 260)
        #expect(table[1] == nil && table.isEmpty)
        #expect(table.evicted == 0)
    }

    @Test func usedEntriesStay() {
        var table = AgingTable<Int, Int>(capacity: 10, lifetime: 100)
        table.insert(1, for: 1, now: 0)
        table.insert(2, for: 2, now: 0)
        table.age(now: 100)
        let used = table.use(1, now: 110)
        #expect(used == 1)
        table.age(now: 200)
        #expect(table[1] == 1 && table[2] == nil)
    }

    @Test func isBoundedAndCountsWhatGoes() {
        var table = AgingTable<Int, Int>(capacity: 10, lifetime: 1_000)
        for number in 0..<35 { table.insert(number, for: number, now: 1) }
        #expect(table.count <= 20)
        #expect(table.evicted == 20)
        #expect(table[34] == 34)
    }

    @Test func takenEntriesDoNotComeBack() {
        var table = AgingTable<Int, Int>(capacity: 10, lifetime: 100)
        table.insert(1, for: 1, now: 0)
        table.age(now: 100)
        table.insert(2, for: 1, now: 100)
        let (first, second) = (table.take(1), table.take(1))
        #expect(first == 2 && second == nil)
    }
}
