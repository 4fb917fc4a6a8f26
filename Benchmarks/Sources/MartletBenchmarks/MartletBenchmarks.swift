import Glibc

/// usage: MartletBenchmarks [--json] [--check DIRECTORY [--exact]] [SCENARIO...]
///
/// Runs the named scenarios, or all. `--check` compares with the thresholds in DIRECTORY and fails if one is not kept: what
/// is counted in every attempt, what is timed in the best of three, because the machine may be busy with something else.
/// With `--exact`, what is timed is not compared at all.
@main
struct MartletBenchmarks {
    private static let attempts = 3

    static func main() async {
        var isJSON = false
        var isExact = false
        var thresholds: String?
        var scenarios: [Scenario] = []
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            switch argument {
            case "--json": isJSON = true
            case "--exact": isExact = true
            case "--check":
                guard let directory = arguments.popFirst() else { usage("--check needs a directory") }
                thresholds = directory
            default:
                guard let scenario = Scenario(rawValue: argument) else { usage("unknown scenario '\(argument)'") }
                scenarios.append(scenario)
            }
        }
        do {
            let wanted = scenarios.isEmpty ? Scenario.allCases : scenarios
            exit(try await run(wanted, thresholds: thresholds, isExact: isExact, isJSON: isJSON) ? 0 : 1)
        } catch {
            Output.note("MartletBenchmarks: \(error)")
            exit(1)
        }
    }

    private static func run(
        _ scenarios: [Scenario], thresholds: String?, isExact: Bool, isJSON: Bool
    ) async throws -> Bool {
        Output.note(try AllocationCheck.run())
        var report = Report()
        var isGood = true
        for scenario in scenarios {
            let limits = try thresholds.map { try Thresholds(scenario, in: $0) }
            for attempt in 1...attempts {
                let measurements = try await scenario.run()
                let table = Report.table(scenario, measurements)
                if isJSON { Output.note(table) } else { Output.result(table) }
                let violations = (limits?.violations(measurements) ?? []).filter { $0.isExact || !isExact }
                let isLast = violations.isEmpty || violations.contains { $0.isExact } || attempt == attempts
                for violation in violations {
                    Output.note("\(scenario.rawValue): \(violation.text) (attempt \(attempt) of \(attempts))")
                }
                if !isLast { continue }
                report.add(scenario, measurements)
                if !violations.isEmpty { isGood = false }
                if limits != nil {
                    Output.note("\(scenario.rawValue): \(violations.isEmpty ? "within limits" : "FAILED")")
                }
                break
            }
        }
        if isJSON { Output.result(report.json) }
        return isGood
    }

    private static func usage(_ problem: String) -> Never {
        let names = Scenario.allCases.map(\.rawValue).joined(separator: "|")
        Output.note("MartletBenchmarks: \(problem)")
        Output.note("usage: MartletBenchmarks [--json] [--check DIRECTORY [--exact]] [\(names)]...")
        exit(64)
    }
}
