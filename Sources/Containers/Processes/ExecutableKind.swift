internal import Glibc
internal import Linux

/// What an executable was made with, as its ELF sections tell (elf(5)): Go, Rust, or a self-contained .NET application.
///
/// Only headers, section names and two small sections are read; every offset and size comes from the file and is checked.
/// 64-bit files of the machine's own byte order: others are nothing that is known.
enum ExecutableKind {
    private static let sectionLimit = 4096
    private static let namesLimit = 262_144
    private static let commentLimit = 4096
    private static let dynamicLimit = 65_536

    private struct Section {
        var name = 0
        var offset = 0
        var size = 0
        var link = 0
    }

    /// Reads the ELF file; nil for one that is none of these, or no ELF file at all.
    static func detect(_ file: borrowing FileDescriptor) -> ApplicationType? {
        let header = read(file, at: 0, count: 64)
        // EI_MAG, ELFCLASS64, and EI_DATA as this program has it.
        let isLittle = UInt16(1).littleEndian == 1
        guard header.count == 64, header.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, isLittle ? 1 : 2]) else { return nil }
        let (table, entrySize) = (number(header, at: 40, size: 8), number(header, at: 58, size: 2))
        let (count, namesIndex) = (number(header, at: 60, size: 2), number(header, at: 62, size: 2))
        guard let table, let entrySize, let count, let namesIndex, entrySize == 64, count <= sectionLimit,
            namesIndex < count
        else { return nil }
        let headers = read(file, at: table, count: count * 64)
        guard headers.count == count * 64 else { return nil }
        var sections = [Section]()
        for index in 0..<count {
            let start = index * 64
            guard let name = number(headers, at: start, size: 4), let offset = number(headers, at: start + 24, size: 8),
                let size = number(headers, at: start + 32, size: 8), let link = number(headers, at: start + 40, size: 4)
            else { return nil }
            sections.append(Section(name: name, offset: offset, size: size, link: link))
        }
        let names = read(file, at: sections[namesIndex].offset, count: min(sections[namesIndex].size, namesLimit))
        func section(_ name: String) -> Section? {
            sections.first { section in
                guard section.name < names.count else { return false }
                return names[section.name...].prefix { $0 != 0 }.elementsEqual(name.utf8)
            }
        }
        if section(".go.buildinfo") != nil { return .golang }
        if let comment = section(".comment") {
            let text = read(file, at: comment.offset, count: min(comment.size, commentLimit))
            if text[...].contains("rustc version") { return .rust }
        }
        if let dynamic = section(".dynamic"), dynamic.link < sections.count,
            runPath(file, dynamic, strings: sections[dynamic.link])?.elementsEqual("$ORIGIN/netcoredeps".utf8) == true
        {
            return .dotnet
        }
        return nil
    }

    /// The first `DT_RPATH` (15) or `DT_RUNPATH` (29).
    private static func runPath(
        _ file: borrowing FileDescriptor, _ dynamic: Section, strings: Section
    ) -> ArraySlice<UInt8>? {
        let entries = read(file, at: dynamic.offset, count: min(dynamic.size, dynamicLimit))
        for start in stride(from: 0, to: entries.count - 15, by: 16) {
            guard let tag = number(entries, at: start, size: 8), tag == 15 || tag == 29,
                let offset = number(entries, at: start + 8, size: 8), offset < strings.size,
                offset <= Int.max - strings.offset
            else { continue }
            return read(file, at: strings.offset + offset, count: 64).prefix { $0 != 0 }
        }
        return nil
    }

    /// At most `count` bytes; none where the file has none.
    private static func read(_ file: borrowing FileDescriptor, at offset: Int, count: Int) -> [UInt8] {
        guard count > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        let got = bytes.withUnsafeMutableBytes { (try? file.pread(into: $0, at: offset)) ?? 0 }
        bytes.removeSubrange(got...)
        return bytes
    }

    /// A number of the file; nil for one that no offset in a file can be.
    private static func number(_ bytes: [UInt8], at offset: Int, size: Int) -> Int? {
        var value: UInt64 = 0
        let isLittle = UInt16(1).littleEndian == 1
        for index in 0..<size {
            value = value << 8 | UInt64(bytes[offset + (isLittle ? size - 1 - index : index)])
        }
        return Int(exactly: value)
    }
}
