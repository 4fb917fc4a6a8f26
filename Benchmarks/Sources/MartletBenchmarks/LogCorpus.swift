import Logs

/// Lines of five kinds as programs write them, 100 bytes each with the line feed; every fifth is an error, of 16 patterns.
struct LogCorpus {
    static let lineLength = 100

    let format: LogFormat
    private var number: UInt64 = 0

    init(_ format: LogFormat) { self.format = format }

    // Any two patterns differ in two words: those that differ in one are one.
    private static let failures = [
        "connection to", "query of", "login by", "upload from", "lookup in", "handshake with", "write into",
        "lease under",
    ]
    private static let reasons = ["refused early", "timed out"]

    /// The next `count` lines in the format's wrapping.
    mutating func next(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * 2 * Self.lineLength)
        for _ in 0..<count {
            let text = text()
            switch format {
            case .docker:
                let escaped = text.replacing("\"", with: "\\\"")
                bytes += "{\"log\":\"\(escaped)\\n\",\"stream\":\"stdout\",\"time\":\"\(time())\"}\n".utf8
            case .cri: bytes += "\(time()) stdout F \(text)\n".utf8
            default: bytes += "\(text)\n".utf8
            }
            number += 1
        }
        return bytes
    }

    /// Later than any start of a reader, which passes over what is older.
    private func time() -> String {
        "2100-01-01T\(clock)." + String(1_000_000_000 + number % 1000 * 1_000_003).dropFirst() + "Z"
    }

    private var clock: String {
        func two(_ value: UInt64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(two(number / 3_600_000 % 24)):\(two(number / 60_000 % 60)):\(two(number / 1_000 % 60))"
    }

    private func text() -> String {
        let id = number &* 7_919
        let small = id % 900 + 100
        let start: String
        switch number % 5 {
        case 0:
            start = "2026-01-01 \(clock).\(small) INFO  [worker-\(id % 16)] orders: order \(id) accepted in \(small) ms"
        case 1:
            start =
                "10.0.\(id % 250).7 - - [01/Jan/2026:\(clock) +0000] \"GET /items/\(small) HTTP/1.1\" 200 \(id % 5000)"
        case 2:
            start = "time=2026-01-01T\(clock)Z level=debug component=cache msg=\"entry \(id) was found\" age=\(small)s"
        case 3: start = "I0101 \(clock).\(small)123       1 controller.go:\(small)] reconciled object \(id)"
        default:
            let pattern = Int(number / 5 % 16)
            let (what, why) = (Self.failures[pattern / 2], Self.reasons[pattern % 2])
            start = "2026-01-01 \(clock).\(small) ERROR shop.Client: \(what) 10.0.\(id % 250).7:5432 \(why)"
        }
        return String((start + Self.rest).prefix(Self.lineLength - 1))
    }

    private static let rest = " on attempt " + String(repeating: "0", count: 64)
}
