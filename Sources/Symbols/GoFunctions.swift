/// The functions of a Go program by name, from the table that its own runtime finds them in (`pclntab`): strip(1) leaves it.
///
/// Source: src/runtime/symtab.go and src/internal/abi/symtab.go; the layouts of Go 1.16, 1.18 and 1.20. The table is streamed
/// through a window.
public struct GoFunctions: Sendable {
    private static let namesLimit: UInt64 = 256 << 20
    private static let functionsLimit: UInt64 = 512 << 20
    /// Bytes of all segments together, which may be said to be the same ones.
    private static let scanLimit: UInt64 = 1 << 30
    /// Places that look like the table's beginning; each may cost a walk through the symbols.
    private static let candidateLimit = 16

    /// By the magic number; Go 1.16, 1.18, 1.20.
    private enum Layout: UInt64 {
        case since16 = 0xFFFF_FFFA
        case since18 = 0xFFFF_FFF0
        case since20 = 0xFFFF_FFF1
    }

    public enum Refusal: Error, Sendable {
        /// Before Go 1.17 arguments are not passed in registers.
        case tooOld
        /// No such table, or one that is not understood.
        case noTable
    }

    private struct Table {
        var layout: Layout
        var address: UInt64
        var offset: UInt64
        var size: UInt64
        var count: UInt64
        var textStart: UInt64
        var names: (offset: UInt64, size: UInt64)
        /// Of functions, where the table of entry points begins.
        var functions: UInt64
    }

    /// The functions of these names, with their bounds.
    public static func find(_ names: Set<String>, in file: borrowing ELFFile) throws(Refusal) -> [String: Function] {
        guard let table = table(of: file) else { throw .noTable }
        if table.layout == .since16, let version = GoVersion.read(from: file),
            version < GoVersion(major: 1, minor: 17)
        {
            throw .tooOld
        }
        let places = nameOffsets(names, table, file)
        if places.isEmpty { return [:] }
        var found: [String: Function] = [:]
        // An entry of the first table: where the function begins, and where its record is. The record repeats the first and
        // goes on with the offset of its name.
        let (entrySize, recordHead) = table.layout == .since16 ? (16, 12) : (8, 8)
        let wordSize = entrySize / 2
        var index: UInt64 = 0
        // One window over each of the two parts, which go in step.
        var records = [UInt8]()
        var recordsStart: UInt64 = 0
        let last = min(table.count, functionsLimit / UInt64(entrySize))
        while index < last, found.count < places.count {
            let bytes = file.reader.bytes(
                at: table.offset &+ table.functions &+ index &* UInt64(entrySize), count: 4096 * entrySize + wordSize)
            let whole = (bytes.count - wordSize) / entrySize
            if whole <= 0 { break }
            for row in 0..<whole where index + UInt64(row) < last {
                let at = row * entrySize
                guard let start = bytes.number(at: at, size: wordSize),
                    let record = bytes.number(at: at + wordSize, size: wordSize),
                    let end = bytes.number(at: at + entrySize, size: wordSize)
                else { break }
                let place = table.functions &+ record
                if place < recordsStart || place &- recordsStart > UInt64(max(records.count - recordHead, 0)) {
                    guard place < table.size else { continue }
                    recordsStart = place
                    records = file.reader.bytes(
                        at: table.offset &+ place, count: Int(min(65_536, table.size - place)))
                }
                guard
                    let name = records.number(at: Int(place &- recordsStart) + recordHead - 4, size: 4),
                    let text = places[name], end > start
                else { continue }
                let address = table.layout == .since16 ? start : table.textStart &+ start
                found[text] = Function(name: text, address: address, size: end - start)
            }
            index += UInt64(whole)
        }
        return found
    }

    /// Where the names begin in the table of names.
    private static func nameOffsets(
        _ names: Set<String>, _ table: Table, _ file: borrowing ELFFile
    ) -> [UInt64: String] {
        let wanted = names.map { (name: $0, bytes: [0] + Array($0.utf8) + [0]) }
        var places: [UInt64: String] = [:]
        let count = min(table.names.size, namesLimit)
        file.reader.windows(at: table.offset &+ table.names.offset, count: count, overlap: 1024) { bytes, position in
            for (name, pattern) in wanted {
                if let index = bytes.firstIndex(of: pattern, from: 0) { places[position + UInt64(index) + 1] = name }
            }
            return places.count < wanted.count
        }
        return places
    }

    private static func table(of file: borrowing ELFFile) -> Table? {
        for name in [".gopclntab", ".data.rel.ro.gopclntab"] {
            if let section = file.section(name),
                let table = read(file, at: section.offset, address: section.address, size: section.size)
            {
                return table
            }
        }
        // Without section headers: by its first bytes, which stand at a multiple of 32.
        var (left, candidates) = (scanLimit, 0)
        for segment in file.segments {
            var found: Table?
            let count = min(segment.fileSize, left)
            left -= count
            file.reader.windows(at: segment.offset, count: count, overlap: 32) { bytes, position in
                for start in stride(from: 0, through: bytes.count - 8, by: 8) where isBeginning(bytes, start) {
                    candidates += 1
                    let at = position + UInt64(start)
                    found = read(
                        file, at: segment.offset &+ at, address: segment.address &+ at, size: segment.fileSize - at)
                    if found != nil || candidates == candidateLimit { return false }
                }
                return true
            }
            if found != nil || candidates == candidateLimit { return found }
        }
        return nil
    }

    /// Magic number, two zeros, the quantum of instructions, the size of a pointer.
    private static func isBeginning(_ bytes: [UInt8], _ start: Int) -> Bool {
        bytes[start + 3] == 0xFF && bytes[start + 2] == 0xFF && bytes[start + 1] == 0xFF && bytes[start] >= 0xF0
            && bytes[start + 4] == 0 && bytes[start + 5] == 0 && [1, 2, 4].contains(bytes[start + 6])
            && bytes[start + 7] == 8
    }

    private static func read(_ file: borrowing ELFFile, at offset: UInt64, address: UInt64, size: UInt64) -> Table? {
        let head = file.reader.bytes(at: offset, count: 72)
        guard let magic = head.number(at: 0, size: 4), let layout = Layout(rawValue: magic), head.count == 72,
            head[4] == 0, head[5] == 0, [1, 2, 4].contains(head[6]), head[7] == 8,
            let count = head.number(at: 8, size: 8)
        else { return nil }
        // From Go 1.18 on, where the text begins stands before the places of the parts.
        let first = layout == .since16 ? 24 : 32
        guard let names = head.number(at: first, size: 8), let units = head.number(at: first + 8, size: 8),
            let functions = head.number(at: first + 32, size: 8), names < units, units < size, functions < size,
            count > 0, count < size / 8
        else { return nil }
        var table = Table(
            layout: layout, address: address, offset: offset, size: size, count: count, textStart: 0,
            names: (names, units - names), functions: functions)
        if layout != .since16 {
            guard let start = textStart(file, head.number(at: 24, size: 8) ?? 0, table) else { return nil }
            table.textStart = start
        }
        return table
    }

    /// Where the text begins: as the table says, or where that is left to the loader or not said, as its relocation, the symbol,
    /// or the section says.
    private static func textStart(_ file: borrowing ELFFile, _ claimed: UInt64, _ table: Table) -> UInt64? {
        if claimed != 0, file.isCode(claimed) { return claimed }
        if let written = moduleText(file, table), file.isCode(written) { return written }
        if let relocated = relocation(file, table), file.isCode(relocated) { return relocated }
        if let symbol = file.functions(named: ["runtime.text"])["runtime.text"] { return symbol.address }
        return file.section(".text")?.address
    }

    /// Of runtime.moduledata: pcHeader, six slices, findfunctab, minpc and maxpc come before the text.
    private static let textOfModule = 8 + 6 * 24 + 24

    /// What the runtime's module data says, where a section has it (from Go 1.26 on) and no loader fills it in.
    private static func moduleText(_ file: borrowing ELFFile, _ table: Table) -> UInt64? {
        guard let section = file.section(".go.module") else { return nil }
        let data = file.reader.bytes(at: section.offset, count: textOfModule + 8)
        guard data.number(at: 0, size: 8) == table.address else { return nil }
        return data.number(at: textOfModule, size: 8)
    }

    /// What the loader puts into a place of the file: the table's own word for the text (up to Go 1.25), or that of the runtime's
    /// module data, whose first word points to the table.
    private static func relocation(_ file: borrowing ELFFile, _ table: Table) -> UInt64? {
        guard let section = file.section(".rela.dyn") ?? file.section(".rela") else { return nil }
        var own: UInt64?
        var module: UInt64?
        var byPlace: [UInt64: UInt64] = [:]
        var position: UInt64 = 0
        while position < min(section.size, functionsLimit) {
            let bytes = file.reader.bytes(
                at: section.offset &+ position, count: Int(min(24 * 2730, section.size - position)))
            if bytes.count < 24 { break }
            for start in stride(from: 0, through: bytes.count - 24, by: 24) {
                guard let place = bytes.number(at: start, size: 8), let addend = bytes.number(at: start + 16, size: 8)
                else { break }
                if place == table.address &+ 24 { own = addend }
                if addend == table.address { module = place }
                // They come in order of places, so that the text's is soon behind the module's first word.
                if let module, place &- module <= 256 { byPlace[place &- module] = addend }
            }
            position += UInt64(bytes.count / 24 * 24)
        }
        return own ?? byPlace[UInt64(textOfModule)]
    }

    /// Where a function has passed the check of the stack that it begins with, and its arguments are still in registers: one that
    /// needs more stack begins anew, and would be seen twice. Nil where there is no such check.
    public static func bodySite(of function: Function, in file: borrowing ELFFile) -> ProbeSite? {
        let code = file.loaded(at: function.address, count: Int(min(function.size, 96)))
        var offset = 0
        var hasComparison = file.machine == .arm64
        for _ in 0..<12 {
            guard let instruction = file.decode(code, at: offset) else { return nil }
            if file.machine == .amd64 {
                // CMP RSP or R12 with g.stackguard0: 16(R14), the current goroutine.
                let bytes = code[offset..<(offset + instruction.length)]
                if bytes.elementsEqual([0x49, 0x3B, 0x66, 0x10]) || bytes.elementsEqual([0x4D, 0x3B, 0x66, 0x10]) {
                    hasComparison = true
                }
            }
            let start = offset
            offset += instruction.length
            guard case .conditionalJump = instruction.kind, hasComparison else { continue }
            if file.machine == .amd64, let condition = X86Effect.condition(of: code[start..<offset]) {
                // The jump itself, which the kernel emulates: with the opposite of its condition the function goes on.
                return ProbeSite(function.address &+ UInt64(start), condition: condition ^ 1)
            }
            return ProbeSite(function.address &+ UInt64(offset))
        }
        return nil
    }
}
