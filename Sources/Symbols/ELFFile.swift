public import Linux

/// An ELF file (elf(5)) of 64 bits and little-endian, read piece by piece: headers at once, everything else when it is asked
/// for and bounded. All of it is the file's claim and checked.
public struct ELFFile: ~Copyable {
    /// The processor that its code is for.
    public enum Machine: UInt64, Sendable {
        case amd64 = 62
        case arm64 = 183

        /// The one that this program runs on.
        public static var own: Machine {
            #if arch(arm64)
                .arm64
            #else
                .amd64
            #endif
        }
    }

    struct Section: Sendable {
        var name: String
        var type: UInt64
        var address: UInt64
        var offset: UInt64
        var size: UInt64
        var link: Int
    }

    /// What is loaded (`PT_LOAD`).
    struct Segment: Sendable {
        var offset: UInt64
        var address: UInt64
        var fileSize: UInt64
        var isExecutable: Bool
    }

    private static let sectionLimit = 4096
    private static let segmentLimit = 256
    private static let namesLimit = 262_144

    let reader: ByteReader
    public let machine: Machine
    let sections: [Section]
    let segments: [Segment]
    /// `PT_GNU_EH_FRAME`: address and size.
    let frameHeader: (address: UInt64, size: UInt64)?

    /// Reads the headers; nil for what is no ELF file of a known machine.
    public init?(_ file: consuming FileDescriptor) {
        guard let reader = ByteReader(file) else { return nil }
        let header = reader.bytes(at: 0, count: 64)
        guard header.count == 64, header.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]),
            let machine = header.number(at: 18, size: 2).flatMap(Machine.init(rawValue:)),
            let programs = header.number(at: 32, size: 8), let table = header.number(at: 40, size: 8),
            let programCount = header.number(at: 56, size: 2), let count = header.number(at: 60, size: 2),
            let namesIndex = header.number(at: 62, size: 2)
        else { return nil }
        let (segments, frameHeader) = Self.readSegments(reader, at: programs, count: Int(programCount))
        guard !segments.isEmpty else { return nil }
        self.machine = machine
        self.segments = segments
        self.frameHeader = frameHeader
        sections = Self.readSections(reader, at: table, count: Int(count), names: Int(namesIndex))
        self.reader = reader
    }

    private static func readSegments(
        _ reader: borrowing ByteReader, at offset: UInt64, count: Int
    ) -> ([Segment], (address: UInt64, size: UInt64)?) {
        var segments = [Segment]()
        var frameHeader: (address: UInt64, size: UInt64)?
        let bytes = reader.bytes(at: offset, count: min(count, segmentLimit) * 56)
        for start in stride(from: 0, through: bytes.count - 56, by: 56) {
            guard let type = bytes.number(at: start, size: 4), let flags = bytes.number(at: start + 4, size: 4),
                let offset = bytes.number(at: start + 8, size: 8), let address = bytes.number(at: start + 16, size: 8),
                let fileSize = bytes.number(at: start + 32, size: 8)
            else { break }
            if type == 1 {
                segments.append(
                    Segment(offset: offset, address: address, fileSize: fileSize, isExecutable: flags & 1 != 0))
            } else if type == 0x6474_E550 {
                frameHeader = (address, fileSize)
            }
        }
        return (segments, frameHeader)
    }

    private static func readSections(
        _ reader: borrowing ByteReader, at offset: UInt64, count: Int, names namesIndex: Int
    ) -> [Section] {
        guard count <= sectionLimit, namesIndex < count else { return [] }
        let bytes = reader.bytes(at: offset, count: count * 64)
        guard bytes.count == count * 64 else { return [] }
        var sections = [Section]()
        var nameOffsets = [Int]()
        for start in stride(from: 0, to: bytes.count, by: 64) {
            guard let name = bytes.number(at: start, size: 4), let type = bytes.number(at: start + 4, size: 4),
                let address = bytes.number(at: start + 16, size: 8), let offset = bytes.number(at: start + 24, size: 8),
                let size = bytes.number(at: start + 32, size: 8), let link = bytes.number(at: start + 40, size: 4)
            else { return [] }
            sections.append(
                Section(name: "", type: type, address: address, offset: offset, size: size, link: Int(link)))
            nameOffsets.append(Int(name))
        }
        let names = reader.bytes(
            at: sections[namesIndex].offset, count: Int(min(sections[namesIndex].size, UInt64(namesLimit))))
        for index in sections.indices where nameOffsets[index] < names.count {
            sections[index].name = String(
                decoding: names[nameOffsets[index]...].prefix(64).prefix { $0 != 0 }, as: UTF8.self)
        }
        return sections
    }

    /// A section that has bytes in the file.
    func section(_ name: String) -> Section? { sections.first { $0.name == name && $0.type != 8 } }

    /// Whether there is a section of that name.
    public func hasSection(_ name: String) -> Bool { section(name) != nil }

    /// Where in the file the byte of an address is.
    public func fileOffset(of address: UInt64) -> UInt64? {
        for segment in segments where address >= segment.address && address - segment.address < segment.fileSize {
            let (offset, isBeyond) = segment.offset.addingReportingOverflow(address - segment.address)
            return isBeyond ? nil : offset
        }
        return nil
    }

    /// The bytes that are loaded at an address, at most `count`, and none beyond their segment.
    func loaded(at address: UInt64, count: Int) -> [UInt8] {
        for segment in segments where address >= segment.address && address - segment.address < segment.fileSize {
            let (offset, isBeyond) = segment.offset.addingReportingOverflow(address - segment.address)
            if isBeyond { return [] }
            let left = segment.fileSize - (address - segment.address)
            return reader.bytes(at: offset, count: Int(min(UInt64(max(count, 0)), left)))
        }
        return []
    }

    /// Whether code can be at an address.
    func isCode(_ address: UInt64) -> Bool {
        segments.contains {
            $0.isExecutable && address >= $0.address && address - $0.address < $0.fileSize
        }
    }
}
