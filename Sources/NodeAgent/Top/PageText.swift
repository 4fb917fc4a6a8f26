/// Reads the Prometheus text format (version 0.0.4) and what OpenMetrics has in common with it.
///
/// A page comes from the network: whatever it holds, reading ends, and lines that are not samples are only counted.
struct PageText: Sendable {
    /// In the order of the page.
    private(set) var samples: [PageSample] = []
    /// Lines that were neither samples, comments nor empty.
    private(set) var malformedLines = 0

    /// The most samples that are kept; later lines are ignored.
    static let maximumSamples = 1_000_000

    init(_ bytes: [UInt8]) {
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            if samples.count >= Self.maximumSamples { return }
            var rest = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            Self.skipBlanks(&rest)
            if rest.isEmpty || rest.first == UInt8(ascii: "#") { continue }
            if let sample = Self.sample(&rest) { samples.append(sample) } else { malformedLines += 1 }
        }
    }

    /// `name{label="value",…} value [time stamp] [# exemplar]`.
    private static func sample(_ rest: inout ArraySlice<UInt8>) -> PageSample? {
        guard let name = identifier(&rest) else { return nil }
        skipBlanks(&rest)
        var found: [String: String] = [:]
        if rest.first == UInt8(ascii: "{") {
            rest.removeFirst()
            guard labels(&rest, into: &found) else { return nil }
        }
        skipBlanks(&rest)
        let number = rest.prefix { !isBlank($0) }
        guard let value = Double(String(decoding: number, as: UTF8.self)) else { return nil }
        return PageSample(name: name, labels: found, value: value)
    }

    /// Up to and with the closing brace.
    private static func labels(_ rest: inout ArraySlice<UInt8>, into found: inout [String: String]) -> Bool {
        while true {
            skipBlanks(&rest)
            if rest.first == UInt8(ascii: "}") {
                rest.removeFirst()
                return true
            }
            guard let name = identifier(&rest) else { return false }
            skipBlanks(&rest)
            guard rest.popFirst() == UInt8(ascii: "=") else { return false }
            skipBlanks(&rest)
            guard let value = quoted(&rest) else { return false }
            found[name] = value
            skipBlanks(&rest)
            if rest.first == UInt8(ascii: ",") {
                rest.removeFirst()
            } else if rest.first != UInt8(ascii: "}") {
                return false
            }
        }
    }

    private static func quoted(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
        var value: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: value, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                value.append(escaped == UInt8(ascii: "n") ? UInt8(ascii: "\n") : escaped)
            default: value.append(byte)
            }
        }
        return nil
    }

    private static func identifier(_ rest: inout ArraySlice<UInt8>) -> String? {
        let name = rest.prefix { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"):
                true
            default: false
            }
        }
        rest = rest.dropFirst(name.count)
        return name.isEmpty ? nil : String(decoding: name, as: UTF8.self)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    private static func skipBlanks(_ rest: inout ArraySlice<UInt8>) { rest = rest.drop(while: isBlank) }
}
