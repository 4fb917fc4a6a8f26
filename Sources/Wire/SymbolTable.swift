import Synchronization

/// The texts of all labels of all series, each once, with a number that holds as long as somebody refers to it: what remote write
/// 2.0 makes of labels. Label sets keep the numbers, so that a request is written without hashing a text.
///
/// Bounded by the label sets that are alive: each refers to its texts, and a text without a reference is forgotten and its number
/// given to another. Whoever refers to a number must hold on to the reference until a request that has the number is written.
final class SymbolTable: Sendable {
    /// There is one for the process, because label sets are shared by all who push.
    static let shared = SymbolTable()

    private struct Symbol {
        var text: String
        var references: Int
    }

    private struct State {
        var numbers: [String: UInt32] = [:]
        var symbols: [Symbol] = []
        var free: [UInt32] = []

        mutating func add(_ text: String) -> UInt32 {
            if let number = numbers[text] {
                symbols[Int(number)].references += 1
                return number
            }
            let symbol = Symbol(text: text, references: 1)
            let number: UInt32
            if let reused = free.popLast() {
                number = reused
                symbols[Int(number)] = symbol
            } else {
                number = UInt32(symbols.count)
                symbols.append(symbol)
            }
            numbers[text] = number
            return number
        }

        mutating func remove(_ number: UInt32) {
            let index = Int(number)
            symbols[index].references -= 1
            guard symbols[index].references == 0 else { return }
            numbers[symbols[index].text] = nil
            symbols[index].text = ""
            free.append(number)
        }
    }

    private let state = Mutex(State())

    /// Texts that somebody refers to.
    var count: Int { state.withLock { $0.numbers.count } }

    /// A reference to `text`, for ever or until `release`.
    func add(_ text: String) -> UInt32 { state.withLock { $0.add(text) } }

    /// Appends a number for each of `texts`, four bytes each, and refers to each.
    func add(_ texts: [String], to buffer: inout WireBuffer) {
        let target = buffer.room(4 * texts.count)
        state.withLock { state in
            for (index, text) in texts.enumerated() {
                target.storeBytes(of: state.add(text), toByteOffset: 4 * index, as: UInt32.self)
            }
        }
        buffer.advance(4 * texts.count)
    }

    /// Gives up one reference to each of `numbers`, four bytes each.
    func release(_ numbers: UnsafeRawBufferPointer) {
        state.withLock { state in
            for offset in stride(from: 0, to: numbers.count, by: 4) {
                state.remove(numbers.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            }
        }
    }

    func release(_ numbers: borrowing WireBuffer) {
        let bytes = numbers.bytes
        bytes.withUnsafeBytes { release($0) }
    }

    /// Appends the text of `number` as the field `symbols` (4) of a request.
    func appendSymbol(_ number: UInt32, to buffer: inout WireBuffer) {
        // One reference more, no copy.
        let text = state.withLock { $0.symbols[Int(number)].text }
        buffer.appendField(4, text)
    }
}
