import Testing

@testable import NodeAgent

/// From pages to the table.
@Suite struct TopTests {
    private func page(_ text: String, second: Double) -> TopSnapshot {
        TopSnapshot(PageText(Array(text.utf8)), time: UInt64(second * 1e9))
    }

    @Test func seriesOfAContainerAreAdded() {
        let snapshot = page(
            """
            container_resources_memory_rss_bytes{container_id="/a"} 100
            container_net_tcp_active_connections{container_id="/a",destination="1"} 2
            container_net_tcp_active_connections{container_id="/a",destination="2"} 3
            container_net_tcp_bytes_sent_total{container_id="/a",destination="1"} 10
            container_net_tcp_bytes_received_total{container_id="/a",destination="1"} 20
            martlet_container_inbound_bytes_total{container_id="/a",direction="sent"} 5
            martlet_container_inbound_bytes_total{container_id="/a",direction="received"} 6
            container_restarts_total{container_id="/a"} 1
            container_resources_cpu_usage_seconds_total{container_id="/b"} 7
            container_resources_cpu_usage_seconds_total{other="/b"} 7
            container_resources_cpu_usage_seconds_total{container_id="/c"} NaN
            martlet_events_total{type="exec"} 4
            martlet_events_total{type="exit"} 5
            martlet_events_lost_total{ring="0",reason="full"} 2
            martlet_dropped_total{reason="x"} 3
            martlet_faults_total{kind="y"} 1
            """, second: 1)
        #expect(
            snapshot.containers == [
                "/a": TopSnapshot.Container(memory: 100, connections: 5, sent: 15, received: 26, restarts: 1),
                "/b": TopSnapshot.Container(cpuSeconds: 7),
            ])
        #expect(snapshot.events == 9)
        #expect(snapshot.lost == 2)
        #expect(snapshot.dropped == 3)
        #expect(snapshot.faults == 1)
    }

    /// A counter that moves every 5 seconds, looked at every 2: the rate is near the truth from the second step on.
    @Test func ratesOfCountersThatMoveInSteps() throws {
        var track: RateTrack?
        for second in stride(from: 1, through: 61, by: 2) {
            let value = Double(second / 5 * 5) * 0.5
            let time = UInt64(second) * 1_000_000_000
            if track == nil { track = RateTrack(value, at: time) } else { track?.add(value, at: time) }
            if second > 15 {
                let rate = try #require(track?.perSecond)
                #expect(rate > 0.4 && rate < 0.63, "\(rate) at \(second)")
            }
        }
    }

    @Test func ratesOfCountersThatMoveAlways() {
        var track = RateTrack(100, at: 0)
        #expect(track.perSecond == nil)
        track.add(110, at: 1_000_000_000)
        #expect(track.perSecond == nil)
        track.add(120, at: 2_000_000_000)
        #expect(track.perSecond == 10)
        // The counter begins again.
        track.add(5, at: 3_000_000_000)
        #expect(track.perSecond == nil)
    }

    @Test func ratesOfCountersThatStandStill() {
        var track = RateTrack(100, at: 0)
        track.add(100, at: 2_000_000_000)
        #expect(track.perSecond == nil)
        track.add(100, at: 7_000_000_000)
        #expect(track.perSecond == 0)
        track.add(200, at: 8_000_000_000)
        track.add(300, at: 9_000_000_000)
        #expect(track.perSecond == 100)
        track.add(300, at: 30_000_000_000)
        #expect(track.perSecond == 0)
    }

    @Test func containersThatAreGoneAreForgotten() {
        var history = TopHistory()
        #expect(history.table(order: .cpu) == nil)
        history.add(page("container_restarts_total{container_id=\"/a\"} 0", second: 1))
        history.add(page("container_restarts_total{container_id=\"/b\"} 0", second: 2))
        #expect(history.table(order: .cpu)?.rows.map(\.container) == ["/b"])
    }

    private func row(_ name: String, cpu: Double?, memory: Double?, sent: Double?) -> TopTable.Row {
        TopTable.Row(
            container: name, cpu: cpu, memory: memory, connections: 3, sent: sent, received: 1536, restarts: 0)
    }

    private func table(_ order: TopOrder) -> TopTable {
        TopTable(
            rows: [
                row("/k8s/shop/cart-0/cart", cpu: 0.25, memory: 20_971_520, sent: 10),
                row("/docker/db", cpu: 1.5, memory: 512, sent: nil),
                row("/docker/idle", cpu: nil, memory: nil, sent: 1_000_000),
            ], events: 1234.5, lost: 0, dropped: 2, faults: 1, order: order)
    }

    @Test func order() {
        #expect(table(.cpu).rows.map(\.container) == ["/docker/db", "/k8s/shop/cart-0/cart", "/docker/idle"])
        #expect(table(.memory).rows.map(\.container) == ["/k8s/shop/cart-0/cart", "/docker/db", "/docker/idle"])
        #expect(table(.network).rows.map(\.container) == ["/docker/idle", "/k8s/shop/cart-0/cart", "/docker/db"])
    }

    @Test func rendering() {
        #expect(
            table(.cpu).lines() == [
                "containers 3   events/s 1235   lost 0   dropped 2   faults 1",
                "CONTAINER                CPU  MEMORY  CONNECTIONS  SENT/s  RECEIVED/s  RESTARTS",
                "/docker/db             1.500    512B            3       -        1.5K         0",
                "/k8s/shop/cart-0/cart  0.250   20.0M            3     10B        1.5K         0",
                "/docker/idle               -       -            3  976.6K        1.5K         0",
            ])
    }

    @Test(arguments: [1, 10, 40, 60, 79, 80, 200])
    func renderingWithinTheTerminal(width: Int) {
        for height in [0, 1, 2, 3, 4, 50] {
            let lines = table(.cpu).lines(width: width, height: height)
            #expect(lines.count <= height)
            #expect(lines.allSatisfy { $0.count <= width })
        }
        #expect(table(.cpu).lines(width: 77)[3].hasPrefix("…s/shop/cart-0/cart  0.250"))
    }

    /// Names come from outside: they cannot steer the terminal.
    @Test func hostileNames() {
        let name = "/docker/\u{1B}[2J\n\u{9B}x\u{7}"
        let lines = TopTable(
            rows: [row(name, cpu: 1, memory: 1, sent: 1)], events: nil, lost: 0, dropped: 0, faults: 0, order: .cpu
        ).lines(width: 100, height: 10)
        #expect(lines.count == 3)
        #expect(lines[2].hasPrefix("/docker/ [2J  x "))
    }

    @Test func figures() {
        #expect(Figure.bytes(0) == "0B")
        #expect(Figure.bytes(1023) == "1023B")
        #expect(Figure.bytes(1024) == "1.0K")
        #expect(Figure.bytes(1024 * 1024 - 1) == "1.0M")
        #expect(Figure.bytes(5e9) == "4.7G")
        #expect(Figure.bytes(1e30).hasSuffix("P"))
        #expect(Figure.bytes(nil) == "-")
        #expect(Figure.plain(7) == "7")
        #expect(Figure.plain(7.25) == "7.3")
        #expect(Figure.plain(99.9) == "100")
        #expect(Figure.plain(.infinity) == "1000000000000000")
        #expect(Figure.cores(0.0004) == "0.000")
        #expect(Figure.cores(12) == "12.000")
        #expect(Figure.cores(-0.5) == "-0.500")
        #expect(Figure.cores(.nan) == "0.000")
    }
}
