import TestSupport
import Testing

@testable import Logs

struct LevelGuessTests {
    @Test(arguments: [
        // glog and klog
        ("I0102 15:04:05.000000 1 main.go:1] started", LogLevel.info),
        ("W0102 15:04:05 x", .warning), ("E0102 x", .error), ("F0102 x", .critical), ("E0102", .error),
        ("E010 x", .unknown), ("E01023 x", .unknown), ("X0102 x", .unknown),
        // names anywhere in the first seven fields, by prefix from four letters on
        ("2024-01-02 15:04:05,123 ERROR [main] boom", .error),
        ("[warning] disk is nearly full", .warning),
        ("a b c d e f error", .error), ("a b c d e f g error", .unknown),
        ("time=x level=info msg=y", .info), ("LEVEL=Error", .error), ("level=err", .error), ("level=er", .unknown),
        ("NOTICE: x", .info), ("notify me", .info), ("<crit> x", .critical), ("fatal: x", .critical),
        ("fata x", .unknown), ("emerg", .critical), ("emer", .unknown), ("alert!", .critical), ("aler", .unknown),
        ("DEBUG", .debug), ("debu", .debug), ("Informational", .info), ("errors were found", .error),
        // three letters exactly
        ("dbg", .debug), ("TRC x", .debug), ("inf", .info), ("WRN", .warning), ("err:", .error), ("ftl", .critical),
        ("erx", .unknown), ("err2 x", .unknown), ("\"err\" x", .unknown), ("(err) x", .error), ("x|wrn|y", .warning),
        ("com.example.Error", .error), ("a,b;warn", .warning),
        // Redis
        ("[4018] 14 Nov 07:01:22.119 * Background saving terminated", .warning),
        ("1:S 12 Nov 07:52:11.999 # about Y", .warning), ("1:M 12 Nov 2019 07:52:11.999 . x", .debug),
        ("1:M 12 Nov 2019 07:52:11.999 - x", .info), ("1:M 12 Nov 2019 07:52:11.999 + x", .unknown),
        ("[4018 14 Nov 07:01:22.119 * x", .unknown), ("1:S:2 12 Nov 07:52:11.999 # x", .unknown),
        ("", .unknown), ("   ", .unknown), ("hello", .unknown),
    ])
    func levels(line: String, level: LogLevel) {
        #expect(LevelGuess.level(of: Array(line.utf8).span) == level)
    }

    /// Nothing beyond 255 bytes counts, and a word is cut there.
    @Test func looksAtTheBeginningOnly() {
        let blanks = String(repeating: " ", count: 251)
        #expect(LevelGuess.level(of: Array((blanks + "error").utf8).span) == .error)
        #expect(LevelGuess.level(of: Array((blanks + "  error").utf8).span) == .unknown)
        #expect(LevelGuess.level(of: Array((blanks + " err").utf8).span) == .error)
    }

    @Test func priorities() {
        #expect(
            (0...8).map { LogLevel(priority: $0) } == [
                .critical, .critical, .critical, .error, .warning, .info, .info, .debug, .unknown,
            ])
    }

    /// Against a plain reading of the rules, word by word.
    @Test func agreesWithTheRules() {
        var random = SeededGenerator(1)
        let pieces = [
            "error", "err", "warn", "WRN", "info", "I0102", "E12", "level=", "[", "]", "(", ")", "<", "'", "\"", ":",
            ";",
            "|", ",", ".", " ", " ", "  ", "\t", "x", "emerg", "emer", "fatal", "fata", "alert", "é", "1:M", "07:52:11",
            "*", "#", "-", "2019", "debu", "not", "noti",
        ]
        for _ in 0..<20_000 {
            let line = (0..<Int.random(in: 0...14, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }
            .joined()
            #expect(LevelGuess.level(of: Array(line.utf8).span) == Self.model(line), "\(line)")
        }
    }

    private static func model(_ line: String) -> LogLevel {
        let blanks: Set<Character> = [" ", "\t"]
        let fields = line.split { blanks.contains($0) }.map(String.init)
        guard let first = fields.first else { return .unknown }
        let glog: [Character: LogLevel] = ["I": .info, "W": .warning, "E": .error, "F": .critical]
        if first.utf8.count == 5, let level = glog[first.first ?? " "], first.dropFirst().allSatisfy(\.isNumber) {
            return level
        }
        for field in fields.prefix(7) {
            for part in field.split(whereSeparator: { "]);|:,.".contains($0) }) {
                var word = part.lowercased().drop { "\"[(<'".contains($0) }
                if word.hasPrefix("level=") { word = word.dropFirst(6) }
                let exact: [String: LogLevel] = [
                    "dbg": .debug, "trc": .debug, "inf": .info, "wrn": .warning, "err": .error, "ftl": .critical,
                ]
                if word.utf8.count == 3, let level = exact[String(word)] { return level }
                guard word.utf8.count >= 4 else { continue }
                let prefixes: [(String, LogLevel)] = [
                    ("debu", .debug), ("info", .info), ("noti", .info), ("warn", .warning), ("erro", .error),
                    ("crit", .critical), ("emerg", .critical), ("fatal", .critical), ("alert", .critical),
                ]
                if let found = prefixes.first(where: { word.hasPrefix($0.0) }) { return found.1 }
            }
        }
        guard fields.count >= 6 else { return .unknown }
        let signs: [String: LogLevel] = [".": .debug, "-": .info, "*": .warning, "#": .warning]
        if first.hasPrefix("["), first.hasSuffix("]") { return signs[fields[4]] ?? .unknown }
        guard first.filter({ $0 == ":" }).count == 1 else { return .unknown }
        return signs[fields[fields[3].utf8.count == 4 ? 5 : 4]] ?? .unknown
    }
}
