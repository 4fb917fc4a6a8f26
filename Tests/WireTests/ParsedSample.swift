/// One line of the text format, read by its published grammar and independently of the encoder.
struct ParsedSample {
    struct Label: Equatable {
        let name: String
        let value: String
    }

    let name: String
    private(set) var labels: [Label] = []
    let value: Double

    init?(_ line: [UInt8]) {
        var rest = line[...]
        func word(_ accepts: (UInt8) -> Bool) -> String {
            let taken = rest.prefix(while: accepts)
            rest = rest.dropFirst(taken.count)
            return String(decoding: taken, as: UTF8.self)
        }
        func expect(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest = rest.dropFirst()
            return true
        }
        func isNameByte(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"):
                true
            default: false
            }
        }

        name = word(isNameByte)
        var found = [Label]()
        if expect("{") {
            while !expect("}") {
                if !found.isEmpty, !expect(",") { return nil }
                let labelName = word(isNameByte)
                guard expect("="), expect("\"") else { return nil }
                var value = [UInt8]()
                while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
                    guard byte == UInt8(ascii: "\\") else {
                        value.append(byte)
                        continue
                    }
                    switch rest.popFirst() {
                    case UInt8(ascii: "n"): value.append(UInt8(ascii: "\n"))
                    case UInt8(ascii: "\\"): value.append(UInt8(ascii: "\\"))
                    case UInt8(ascii: "\""): value.append(UInt8(ascii: "\""))
                    default: return nil
                    }
                }
                found.append(Label(name: labelName, value: String(decoding: value, as: UTF8.self)))
            }
        }
        guard expect(" "), let number = Double(String(decoding: rest, as: UTF8.self)) else { return nil }
        labels = found
        value = number
    }
}
