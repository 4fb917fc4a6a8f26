import Testing

@testable import Containers

@Suite struct ProcessFactsTableTests {
    @Test func factsGoWithTheirProcess() {
        var table = ProcessFactsTable()
        table.learn(ProcessFacts(application: .prometheus, language: .golang, optOut: .logs), of: 1)
        table.learn(ProcessFacts(application: .prometheus, optOut: [.logs, .traces]), of: 2)
        table.learn(ProcessFacts(), of: 3)
        #expect(table.applications == [.prometheus: 2, .golang: 1])
        #expect(table.optOut == [.logs, .traces])
        table.forget(2)
        #expect(table.applications == [.prometheus: 1, .golang: 1] && table.optOut == .logs)
        // Another program in the same process.
        table.learn(ProcessFacts(application: .redis), of: 1)
        #expect(table.applications == [.redis: 1] && table.optOut.isEmpty)
        table.forget(1)
        table.forget(1)
        #expect(table.applications.isEmpty)
    }

    @Test func oneTypeFromBothSidesCountsOnce() {
        var table = ProcessFactsTable()
        table.learn(ProcessFacts(application: .dotnet, language: .dotnet), of: 1)
        #expect(table.applications == [.dotnet: 1])
        table.forget(1)
        #expect(table.applications.isEmpty)
    }

    @Test func merging() {
        var (one, other) = (ProcessFactsTable(), ProcessFactsTable())
        one.learn(ProcessFacts(application: .nginx), of: 1)
        other.learn(ProcessFacts(application: .nginx, optOut: .profiles), of: 2)
        one.merge(other)
        #expect(one.applications == [.nginx: 2] && one.optOut == .profiles)
    }

    @Test func queue() {
        var queue = InspectionQueue(capacity: 3)
        func push(_ pid: UInt32, after turns: UInt32) -> Bool { queue.push(pid, after: turns) }
        func pop() -> UInt32? { queue.pop() }
        #expect(push(1, after: 2) && push(2, after: 2))
        #expect(pop() == nil)
        queue.advance()
        #expect(push(3, after: 2) && !push(4, after: 2))
        #expect(pop() == nil)
        queue.advance()
        #expect([pop(), pop(), pop()] == [1, 2, nil])
        var last: UInt32 = 3
        for round in 10..<20 as Range<UInt32> {
            queue.advance()
            #expect(push(round, after: 1))
            #expect(queue.count == 2)
            #expect(pop() == last)
            last = round
        }
    }
}
