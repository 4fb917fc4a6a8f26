import Metrics
import Testing

/// What goes through the table, step by step.
@Suite struct SeriesTableTests {
    /// One series by name.
    private struct Series {
        var family = MetricFamily.containerNetTcpBytesSentTotal
        var container: String? = "/a"
        var name = "x"
        var value = 1.0
        var since: Int64 = 0
        var labels: LabelSet?

        var set: LabelSet {
            labels ?? LabelSet((container.map { [("container_id", $0)] } ?? []) + [("destination", name)])
        }
    }

    /// A snapshot every second.
    private struct Run: ~Copyable {
        var table: SeriesTable
        var second: UInt64 = 0
        static let start: Int64 = 1_700_000_000_000

        init(_ limits: SeriesLimits = SeriesLimits()) { table = SeriesTable(limits: limits) }

        mutating func pass(_ series: [Series], isPush: Bool = true, seconds: UInt64 = 1) -> MetricsSnapshot {
            second += seconds
            var snapshot = MetricsSnapshot(timestamp: Self.start + Int64(second) * 1000)
            for one in series {
                snapshot.since = one.since
                snapshot.add(one.family, one.set, one.value)
            }
            table.begin(timestamp: snapshot.timestamp, now: second * 1_000_000_000)
            table.admit(&snapshot)
            table.end(&snapshot, marksEnded: isPush)
            return snapshot
        }
    }

    private func markers(_ snapshot: MetricsSnapshot) -> [String] {
        snapshot.families.flatMap { snapshot[$0] }.filter { StaleMarker.isMarker($0.value) }
            .map { $0.labels["destination"] ?? "" }.sorted()
    }

    private func shown(_ snapshot: MetricsSnapshot) -> [String] {
        snapshot.families.flatMap { snapshot[$0] }.filter { !StaleMarker.isMarker($0.value) }
            .map { $0.labels["destination"] ?? "" }.sorted()
    }

    private func many(_ range: Range<Int>, of container: String = "/a", value: Double = 1) -> [Series] {
        range.map { Series(container: container, name: "\($0)", value: value) }
    }

    // MARK: Ends

    @Test func aSeriesThatEndsGetsOneMarker() {
        var run = Run()
        #expect(markers(run.pass([Series(name: "x"), Series(name: "y")])) == [])
        let next = run.pass([Series(name: "x", value: 2)])
        #expect(markers(next) == ["y"])
        #expect(shown(next) == ["x"])
        #expect(markers(run.pass([Series(name: "x")])) == [])
        #expect(run.table.count == 1)
        #expect(run.table.statistics.staleMarkers == 1)
    }

    @Test func whatWasOnAPageOnlyGetsNone() {
        var run = Run()
        _ = run.pass([Series(name: "x"), Series(name: "page")], isPush: false)
        _ = run.pass([Series(name: "x")])
        #expect(markers(run.pass([], isPush: false)) == [])
        #expect(markers(run.pass([])) == ["x"])
        #expect(run.table.count == 0)
    }

    @Test func aSeriesThatIsBackBeforeThePushHasNotEnded() {
        var run = Run()
        _ = run.pass([Series()])
        _ = run.pass([], isPush: false)
        #expect(markers(run.pass([Series()])) == [])
        #expect(markers(run.pass([])) == ["x"])
        #expect(shown(run.pass([Series()])) == ["x"])
    }

    @Test func atTheEndEverythingThatWasSentIsMarked() {
        var run = Run()
        let last = run.pass([Series(name: "x"), Series(name: "y")])
        _ = run.pass([Series(name: "x"), Series(name: "y"), Series(name: "z")], isPush: false)
        let end = run.table.endAll(timestamp: last.timestamp)
        #expect(markers(end) == ["x", "y"])
        #expect(end.timestamp > last.timestamp)
        #expect(run.table.endAll(timestamp: 0).count == 0)
    }

    // MARK: Identity

    @Test func equalLabelsAreOneSeries() {
        var run = Run()
        _ = run.pass([Series()])
        #expect(markers(run.pass([Series()])) == [])
        #expect(run.table.count == 1)
    }

    @Test func theSameLabelsInAnotherFamilyAreAnother() {
        var run = Run()
        let labels = Series().set
        let first = run.pass([
            Series(labels: labels), Series(family: .containerNetTcpBytesReceivedTotal, labels: labels),
        ])
        #expect(first.count == 2)
        #expect(run.table.count == 2)
        #expect(markers(run.pass([Series(labels: labels)])) == ["x"])
    }

    @Test func ofTwoEqualSeriesInOneSnapshotTheFirstStays() {
        var run = Run()
        let snapshot = run.pass([Series(value: 7), Series(value: 8), Series(name: "y"), Series(name: "y")])
        #expect(snapshot[.containerNetTcpBytesSentTotal].map(\.value) == [7, 1])
        #expect(run.table.statistics.duplicates == 2)
    }

    // MARK: Beginnings

    @Test func countersKeepTheirBeginning() {
        var run = Run()
        let first = run.pass([Series(value: 5, since: Run.start - 1000)])
        #expect(first[.containerNetTcpBytesSentTotal][0].created == Run.start - 1000)
        let second = run.pass([Series(value: 6, since: Run.start - 990)])
        #expect(second[.containerNetTcpBytesSentTotal][0].created == Run.start - 1000)
    }

    @Test func aCounterThatWentDownBeganAgain() {
        var run = Run()
        let first = run.pass([Series(value: 5, since: Run.start)])
        let second = run.pass([Series(value: 2, since: Run.start)])
        #expect(second[.containerNetTcpBytesSentTotal][0].created == first.timestamp + 1)
        // The source knows it better.
        let third = run.pass([Series(value: 1, since: second.timestamp + 300)])
        #expect(third[.containerNetTcpBytesSentTotal][0].created == second.timestamp + 300)
    }

    @Test func gaugesAndUnknownBeginningsHaveNone() {
        var run = Run()
        let gauge = MetricFamily.containerNetTcpActiveConnections
        #expect(run.pass([Series(family: gauge, value: 5, since: Run.start)])[gauge][0].created == 0)
        #expect(run.pass([Series(family: gauge, value: 2, since: Run.start)])[gauge][0].created == 0)
        #expect(run.pass([Series()])[.containerNetTcpBytesSentTotal][0].created == 0)
    }

    @Test func aBeginningIsNeverAheadOfTheSnapshot() {
        var run = Run()
        let snapshot = run.pass([Series(since: Run.start + 1_000_000)])
        #expect(snapshot[.containerNetTcpBytesSentTotal][0].created == snapshot.timestamp)
    }

    // MARK: Limits

    @Test func whatIsIdleGoesFirst() {
        var run = Run(SeriesLimits(perContainer: 100))
        _ = run.pass(many(0..<100))
        // 50 to 99 change, 0 to 49 do not.
        _ = run.pass(many(0..<50) + many(50..<100, value: 2))
        let over = run.pass(many(0..<50) + many(50..<100, value: 3) + many(100..<140))
        #expect(over.count - markers(over).count == 100)
        #expect(markers(over).count == 40)
        #expect(markers(over).allSatisfy { Int($0).map { $0 < 50 } ?? false })
        #expect(run.table.statistics.heldByContainer == 40)
        #expect(run.table.statistics.leftOutByContainer == 40)
        #expect(run.table.worstContainer?.id == "/a")
        #expect(run.table.worstContainer?.series == 40)
    }

    @Test func aBurstDoesNotPushOutWhatChanges() {
        var run = Run(SeriesLimits(perContainer: 100))
        _ = run.pass(many(0..<60))
        let burst = run.pass(many(0..<60, value: 2) + many(1000..<11_000))
        #expect(burst.count == 100)
        #expect(markers(burst) == [])
        #expect(Set(shown(burst)).isSuperset(of: (0..<60).map { "\($0)" }))
        #expect(run.table.statistics.heldByContainer == 9_960)
        // Not all of them are remembered.
        #expect(run.table.count <= 200)
    }

    @Test func whatIsCutStaysCutUntilThereIsRoom() {
        var run = Run(SeriesLimits(perContainer: 100))
        let first = run.pass(many(0..<110))
        let cut = Set((0..<110).map { "\($0)" }).subtracting(shown(first))
        #expect(cut.count == 10)
        // As many as end make no room before a tenth is free.
        for value in 2..<10 {
            let snapshot = run.pass(many(0..<110, value: Double(value)))
            #expect(Set(shown(snapshot)).isDisjoint(with: cut))
            #expect(markers(snapshot) == [])
        }
        let kept = shown(first).compactMap { Int($0) }.sorted()
        let few = kept.prefix(85) + cut.compactMap { Int($0) }
        let room = run.pass(few.map { Series(name: "\($0)", value: 20) })
        #expect(shown(room).count == 90)
        #expect(run.table.statistics.heldByContainer == 5)
    }

    @Test func whatEveryContainerHasIsCutLast() {
        var run = Run(SeriesLimits(perContainer: 50))
        let info = Series(family: .containerInfo)
        _ = run.pass([info])
        let over = run.pass([info] + many(0..<1000), seconds: 1000)
        #expect(over[.containerInfo].count == 1)
        #expect(over.count == 50)
    }

    @Test func nodeAndAgentAreNeverCut() {
        var run = Run(SeriesLimits(perContainer: 10, perAgent: 20))
        let node = (0..<500).map { Series(family: .nodeNetReceivedBytesTotal, container: nil, name: "eth\($0)") }
        let own = (0..<50).map { Series(family: .martletContainerSeries, container: "/c\($0)", name: "") }
        let snapshot = run.pass(node + own + many(0..<1000) + many(0..<1000, of: "/b"))
        #expect(snapshot[.nodeNetReceivedBytesTotal].count == 500)
        #expect(snapshot[.martletContainerSeries].count == 50)
        #expect(snapshot[.containerNetTcpBytesSentTotal].count == 20)
    }

    @Test func theLimitOfTheAgentTakesFromTheLargest() {
        var run = Run(SeriesLimits(perContainer: 1000, perAgent: 300))
        let small = (0..<10).flatMap { many(0..<10, of: "/small\($0)") }
        _ = run.pass(small)
        let over = run.pass(small + many(0..<900, of: "/big") + many(0..<150, of: "/middle"))
        func count(_ container: String) -> Int {
            over[.containerNetTcpBytesSentTotal].filter { $0.labels["container_id"] == container }.count
        }
        #expect(over.count == 300)
        for index in 0..<10 { #expect(count("/small\(index)") == 10) }
        #expect(count("/big") == 100)
        #expect(count("/middle") == 100)
        #expect(run.table.statistics.heldByAgent == 850)
        #expect(run.table.statistics.heldByContainer == 0)
        #expect(run.table.largestContainers(2).map(\.id) == ["/big", "/middle"])
    }

    /// 200,000 series of one container: the others keep theirs, the table stays small, and containers that come later
    /// find room at once.
    @Test func aHostileContainerHurtsNobodyElse() {
        var run = Run(SeriesLimits(perContainer: 1000, perAgent: 3000))
        let others = (0..<20).flatMap { many(0..<50, of: "/c\($0)") }
        _ = run.pass(others)
        let flood = many(0..<200_000, of: "/bad").map { Series(container: $0.container, labels: $0.set) }
        let first = run.pass(flood + others)
        #expect(markers(first) == [])
        #expect(first.count == 2000)
        #expect(run.table.count <= 3000)
        let second = run.pass(flood + others + many(0..<50, of: "/new"))
        #expect(second[.containerNetTcpBytesSentTotal].filter { $0.labels["container_id"] == "/new" }.count == 50)
        #expect(second.count == 2050)
        #expect(run.table.statistics.leftOutByContainer == 2 * 199_000)
        // When it is gone its memory is, too.
        _ = run.pass(others)
        #expect(run.table.count == 1000)
    }

    @Test func manyHostileContainersShareWhatTheAgentHas() {
        var run = Run(SeriesLimits(perContainer: 1000, perAgent: 3000))
        let floods = (0..<20).flatMap { many(0..<2000, of: "/bad\($0)") }
            .map { Series(container: $0.container, labels: $0.set) }
        let good = many(0..<100, of: "/good")
        _ = run.pass(floods)
        for round in 1...5 {
            let snapshot = run.pass(floods + good)
            let kept = snapshot[.containerNetTcpBytesSentTotal].filter {
                $0.labels["container_id"] == "/good" && !StaleMarker.isMarker($0.value)
            }
            #expect(kept.count == 100, "round \(round)")
            #expect(snapshot.count - markers(snapshot).count <= 3000)
        }
    }

    @Test func aSmallerLimitThanContainersIsKept() {
        var run = Run(SeriesLimits(perContainer: 10, perAgent: 3))
        let snapshot = run.pass((0..<10).flatMap { many(0..<2, of: "/c\($0)") })
        #expect(snapshot.count == 3)
        #expect(run.pass((0..<10).flatMap { many(0..<2, of: "/c\($0)") }).count == 3)
    }

    @Test func memoryIsBoundedPerSeries() {
        var run = Run()
        _ = run.pass((0..<20_000).map { Series(container: "/c\($0 / 60)", name: "\($0)") })
        #expect(Double(run.table.bytes) / 20_000 <= 100)
    }
}
