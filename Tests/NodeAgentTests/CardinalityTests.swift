import Foundation
import Testing

@testable import NodeAgent

@Suite struct CardinalityTests {
    private static let page = """
        # HELP a x
        a_total{container_id="/1",destination="x"} 1
        a_total{container_id="/1",destination="y"} 1
        a_total{container_id="/2",destination="x"} 1
        b{container_id="/1"} 1
        node 5
        martlet_container_series{container_id="/9"} 3
        martlet_series_held_back{limit="container"} 7
        martlet_series_held_back{limit="agent"} 2
        broken{
        """

    private let cardinality = Cardinality(PageText(Array(page.utf8)))

    @Test func countsByMetricContainerAndLabel() {
        #expect(cardinality.series == 8)
        #expect(cardinality.malformedLines == 1)
        #expect(cardinality.held == 9)
        #expect(cardinality.metrics.first == Cardinality.Part(name: "a_total", series: 3, labelBytes: 3 * 26))
        #expect(cardinality.share(cardinality.metrics[0]) == 37.5)
        #expect(
            cardinality.containers == [
                Cardinality.Part(name: "/1", series: 3, labelBytes: 2 * 26 + 14),
                Cardinality.Part(name: "/2", series: 1, labelBytes: 26),
            ])
        #expect(
            cardinality.labels == [
                Cardinality.Label(name: "container_id", values: 3, series: 5),
                Cardinality.Label(name: "destination", values: 2, series: 3),
                Cardinality.Label(name: "limit", values: 2, series: 2),
            ])
    }

    @Test func tablesHaveTheLargestFirst() {
        let lines = CardinalityOutput(cardinality: cardinality, limit: 1).lines()
        #expect(
            lines == [
                "series 8   metrics 5   containers 2   label bytes 130B   held back by limits 9   unreadable lines 1",
                "",
                "METRIC   SERIES  SHARE  LABEL BYTES", "a_total       3  37.5%          78B", "",
                "CONTAINER  SERIES  SHARE  LABEL BYTES", "/1              3  37.5%          66B", "",
                "LABEL         VALUES  SERIES", "container_id       3       5",
            ])
    }

    @Test func jsonIsValidWhateverTheNames() throws {
        let hostile = "a{container_id=\"q\\\"\\\\\u{1}\\n/é\"} 1\n"
        let output = CardinalityOutput(cardinality: Cardinality(PageText(Array(hostile.utf8))), limit: 10)
        let object = try JSONSerialization.jsonObject(with: Data(output.json())) as? [String: Any]
        let containers = object?["containers"] as? [[String: Any]]
        #expect(containers?.first?["name"] as? String == "q\"\\\u{1}\n/é")
        #expect(containers?.first?["share_percent"] as? Double == 100)
        #expect(object?["held_back"] == nil)
    }

    @Test func whatIsNoPageHasNoSeries() {
        #expect(Cardinality(PageText(Array("<html>\u{0}".utf8))).series == 0)
    }

    @Test func argumentsAreChecked() throws {
        #expect(try MartletNode.parse(arguments: ["cardinality", "-"]) is CardinalityCommand)
        #expect(try MartletNode.parse(arguments: ["cardinality", "--url", "http://h:1"]) is CardinalityCommand)
        for wrong in [["--address", "ftp://x"], ["--limit", "0"], ["f", "--address", "http://h"]] {
            #expect(throws: (any Error).self) { try MartletNode.parse(arguments: ["cardinality"] + wrong) }
        }
    }
}
