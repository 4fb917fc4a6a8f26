import Foundation
import Testing

extension SystemTests {
    /// The tools with which users measure, in a small size: that they measure, say so, and leave nothing behind.
    @Suite struct Tools {
        private static let folder = Machine.helpers + "/../../../tools/"
        /// The id of the first container that `tools/density` makes.
        private static let first = "e90d64e33897822b0b5d1b55730b143cd1486115537abfe143ecdb0d8324ff02"

        private static var leftovers: [String] {
            Cgroup.hierarchies.map { "\($0)/docker/\(first)" }.filter { FileManager.default.fileExists(atPath: $0) }
        }

        private static func document(_ path: String) throws -> [String: Any] {
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        }

        private static func expectPlot(_ path: String) throws {
            // Whether it is well-formed; Foundation's own parser would be a library more.
            let program =
                "import sys, xml.dom.minidom; print(xml.dom.minidom.parse(sys.argv[1]).documentElement.tagName)"
            #expect(try Command.check(["python3", "-c", program, path]) == "svg")
        }

        @Test func density() throws {
            let scratch = try Scratch()
            let (json, svg) = (scratch.path + "/density.json", scratch.path + "/density.svg")
            let result = try Command.run(
                [
                    Self.folder + "density", "--no-peers", "--interval", "1", "--scrapes", "3", "--json", json, "--svg",
                    svg,
                    "20",
                ], seconds: 120)
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains("agent: CPU per scrape, ms"))
            #expect(Self.leftovers.isEmpty)
            let results = try #require(try Self.document(json)["results"] as? [[String: Any]])
            let figures = try #require(results.first)
            for name in ["cpu_ms_per_scrape", "resident_bytes", "bpf_bytes", "bytes_per_sample"] {
                #expect(try #require(figures[name] as? Double) > 0, "\(name)")
            }
            // Some 30 series each.
            #expect(try #require(figures["series"] as? Int) > 20 * 25)
            #expect(try #require(figures["descriptors"] as? Int) > 20 * 5)
            try Self.expectPlot(svg)
        }

        /// Ctrl-C in the middle takes everything down.
        @Test func interrupted() throws {
            let result = try Command.run(
                ["timeout", "--signal=INT", "4", Self.folder + "density", "--no-peers", "--scrapes", "100", "20"],
                seconds: 60)
            #expect(result.status == 124)
            #expect(result.errors.contains("20 containers: making them"), "\(result.errors)")
            #expect(!result.errors.contains("Traceback"), "\(result.errors)")
            #expect(Self.leftovers.isEmpty)
        }

        /// What somebody else made is not touched.
        @Test func inTheWay() throws {
            let scratch = try Scratch()
            let cgroup = try Cgroup(making: "/docker/" + Self.first, in: scratch)
            let result = try Command.run([Self.folder + "density", "--no-peers", "20"], seconds: 60)
            #expect(result.status == 1)
            #expect(result.errors.contains("density: "), "\(result.errors)")
            #expect(result.errors.contains("/docker/\(Self.first) is in the way"), "\(result.errors)")
            #expect(!Self.leftovers.isEmpty)
            cgroup.remove()
        }

        @Test func overhead() throws {
            let scratch = try Scratch()
            let (json, svg) = (scratch.path + "/overhead.json", scratch.path + "/overhead.svg")
            let result = try Command.run(
                [Self.folder + "overhead", "--rounds", "1", "--seconds", "1", "--json", json, "--svg", svg],
                seconds: 240)
            #expect(result.status == 0, "\(result.errors)")
            let results = try #require(try Self.document(json)["results"] as? [[String: Any]])
            #expect(results.count == 6)
            #expect(try Self.document(json)["lost"] is Double)
            for figures in results {
                let ratio = try #require((figures["ratio"] as? [String: Any])?["median"] as? Double)
                // One second each on a machine with other work: only that both were measured.
                #expect(ratio > 0.05 && ratio < 20, "\(figures["workload"] ?? "")")
            }
            try Self.expectPlot(svg)
        }
    }
}
