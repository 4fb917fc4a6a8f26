/// Symbols by name, from `.dynsym` and `.symtab`: string and symbol tables pass through a window, and only the wanted ones
/// are kept.
extension ELFFile {
    /// As many places of wanted strings are followed.
    private static let placeLimit = 4096
    /// A symbol's name is at most as long, or it is passed over.
    private static let nameLimit = 1024
    /// Bytes of one table that are looked through.
    private static let tableLimit: UInt64 = 512 << 20

    /// The functions of these exact names that the file defines; the dynamic ones first.
    public func functions(named names: Set<String>) -> [String: Function] {
        var found: [String: Function] = [:]
        for table in [".dynsym", ".symtab"] where found.count < names.count {
            guard let (symbols, strings) = tables(table) else { continue }
            let missing = names.filter { found[$0] == nil }.map { (name: $0, bytes: Array($0.utf8) + [0]) }
            var places: [UInt64: String] = [:]
            reader.windows(at: strings.offset, count: min(strings.size, Self.tableLimit), overlap: Self.nameLimit) {
                bytes, position in
                for (name, pattern) in missing {
                    var start = 0
                    while let index = bytes.firstIndex(of: pattern, from: start), places.count < Self.placeLimit {
                        // Linkers let a name be the end of a longer one, so what comes before does not matter.
                        places[position + UInt64(index)] = name
                        start = index + 1
                    }
                }
                return true
            }
            for function in functions(symbols, at: places) where found[function.name] == nil {
                found[function.name] = function
            }
        }
        return found
    }

    /// Functions whose names contain all of some words, in the order of the table; at most `limit`.
    ///
    /// - Parameter first: the word that is looked for first: the rarest.
    public func functions(containing first: String, isWanted: (String) -> Bool, limit: Int) -> [Function] {
        for table in [".symtab", ".dynsym"] {
            guard let (symbols, strings) = tables(table) else { continue }
            let pattern = Array(first.utf8)
            var places: [UInt64: String] = [:]
            reader.windows(at: strings.offset, count: min(strings.size, Self.tableLimit), overlap: Self.nameLimit) {
                bytes, position in
                var start = 0
                while let index = bytes.firstIndex(of: pattern, from: start), places.count < Self.placeLimit {
                    let end = bytes[index...].prefix(Self.nameLimit).firstIndex(of: 0) ?? bytes.count
                    start = max(end, index + 1)
                    if end == bytes.count { break }
                    let begin = (bytes[..<index].suffix(Self.nameLimit).lastIndex(of: 0) ?? -1) + 1
                    let name = String(decoding: bytes[begin..<end], as: UTF8.self)
                    if isWanted(name) { places[position + UInt64(begin)] = name }
                }
                return true
            }
            let found = functions(symbols, at: places)
            if !found.isEmpty { return Array(found.prefix(limit)) }
        }
        return []
    }

    private func tables(_ name: String) -> (symbols: Section, strings: Section)? {
        guard let symbols = section(name), sections.indices.contains(symbols.link) else { return nil }
        return (symbols, sections[symbols.link])
    }

    /// The defined functions whose names stand at `places` of the string table.
    private func functions(_ symbols: Section, at places: [UInt64: String]) -> [Function] {
        if places.isEmpty { return [] }
        var found = [Function]()
        // 65,536 is no multiple of a symbol's 24 bytes: begin each window where the last whole symbol ended.
        var position: UInt64 = 0
        let end = min(symbols.size, Self.tableLimit)
        while position < end, found.count < Self.placeLimit {
            let bytes = reader.bytes(at: symbols.offset &+ position, count: Int(min(24 * 2730, end - position)))
            if bytes.count < 24 { break }
            for start in stride(from: 0, through: bytes.count - 24, by: 24) {
                // Type 2 is STT_FUNC, 10 STT_GNU_IFUNC; section 0 means that another file defines it.
                guard let name = bytes.number(at: start, size: 4), bytes[start + 4] & 15 == 2,
                    let text = places[name], let section = bytes.number(at: start + 6, size: 2), section != 0,
                    let address = bytes.number(at: start + 8, size: 8), let size = bytes.number(at: start + 16, size: 8)
                else { continue }
                found.append(Function(name: text, address: address, size: size))
            }
            position += UInt64(bytes.count / 24 * 24)
        }
        return found
    }
}
