import Glibc
import Linux
import Ring
import Synchronization
import Testing

/// Counts on a lane.
private actor Counter {
    nonisolated let lane: Lane
    nonisolated var unownedExecutor: UnownedSerialExecutor { lane.asUnownedSerialExecutor() }
    var count = 0
    init(lane: Lane) { self.lane = lane }
    func add() -> Int {
        count += 1
        return count
    }
    func thread() -> UInt { UInt(pthread_self()) }
    func startTimer(every interval: UInt64) {
        lane.addTimer(after: interval) { [self] in
            assumeIsolated { _ = $0.add() }
            return interval
        }
    }
    func watch(_ descriptor: Int32) throws {
        try lane.watch(descriptor) { [self] in
            var byte: UInt8 = 0
            while read(descriptor, &byte, 1) == 1 { assumeIsolated { _ = $0.add() } }
        }
    }
}

@Suite struct LaneTests {
    @Test(arguments: [Lane.Backend.automatic, .uring, .epoll])
    func runsItsActorsOnOneThread(_ backend: Lane.Backend) async throws {
        let lane = try Lane(name: "test", backend: backend)
        let name = try lane.start()
        #expect(name == (backend == .epoll ? "epoll" : "io_uring"))
        let (one, two) = (Counter(lane: lane), Counter(lane: lane))
        #expect(await one.thread() == two.thread())
        #expect(await one.thread() != UInt(pthread_self()))
        let total = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<1000 { group.addTask { await one.add() } }
            return await group.reduce(0, max)
        }
        #expect(total == 1000)
        lane.stop()
    }

    @Test(arguments: [Lane.Backend.uring, .epoll])
    func timersRepeat(_ backend: Lane.Backend) async throws {
        let lane = try Lane(name: "test", backend: backend)
        try lane.start()
        let counter = Counter(lane: lane)
        let begin = MonotonicClock.now()
        await counter.startTimer(every: 5_000_000)
        try await Task.sleep(for: .milliseconds(500))
        let count = await counter.count
        let periods = Int((MonotonicClock.now() - begin) / 5_000_000)
        #expect(count > periods / 10 && count <= periods)
        lane.stop()
        let after = MonotonicClock.now()
        lane.stop()
        #expect(MonotonicClock.now() - after < 500_000_000)
    }

    @Test(arguments: [Lane.Backend.uring, .epoll])
    func descriptorsWakeItAgainAndAgain(_ backend: Lane.Backend) async throws {
        let lane = try Lane(name: "test", backend: backend)
        try lane.start()
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        let counter = Counter(lane: lane)
        try await counter.watch(ends[0])
        for expected in 1...20 {
            var byte: UInt8 = 1
            #expect(write(ends[1], &byte, 1) == 1)
            for _ in 0..<1000 where await counter.count < expected { try await Task.sleep(for: .milliseconds(1)) }
            #expect(await counter.count == expected)
        }
        lane.stop()
        close(ends[0])
        close(ends[1])
    }
}
