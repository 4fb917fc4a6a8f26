import Metrics

/// Writes remote write 2.0 requests (`io.prometheus.write.v2.Request`, prometheus.io/docs/specs/prw/remote_write_spec_2_0).
///
/// A label set keeps the numbers of its names and values in the symbol table; a request renumbers those that it has. Every
/// series carries the metadata of its family, which the symbols make cheap. A counter says when it began twice: where
/// the specification had it up to 2.0-rc.3, in the series, and where it has it since, in the sample. A receiver knows one of
/// them and skips the other.
struct RemoteWrite2Encoder: RequestWriter {
    /// What the table calls the texts of one family; these are never given up.
    private struct Names: Sendable {
        let name: UInt32
        let help: UInt32
        let unit: UInt32?
        /// Bytes of the three as symbols.
        let weight: Int
    }

    private let labels: SeriesLabels
    private let nameLabel: UInt32
    /// By `MetricFamily.rawValue`.
    private let families: [Names]

    var owner: UInt32 { labels.owner }

    init(extraLabels: LabelSet) {
        labels = SeriesLabels(.remoteWrite2, extra: extraLabels)
        nameLabel = Self.fixed.nameLabel
        families = Self.fixed.families
    }

    /// Made once for the process: references that are never given up must not be taken again and again.
    private static let fixed: (nameLabel: UInt32, families: [Names]) = {
        let table = SymbolTable.shared
        return (
            table.add(SeriesLabels.name),
            MetricFamily.allCases.map { family in
                let texts = [SeriesLabels.name, family.name, family.help, family.unit]
                return Names(
                    name: table.add(family.name), help: table.add(family.help),
                    unit: family.unit.isEmpty ? nil : table.add(family.unit),
                    weight: texts.reduce(0) { $0 + symbolSize($1) })
            }
        )
    }()

    private static func symbolSize(_ text: String) -> Int { Protobuf.fieldSize(text.utf8.count) }

    func begin(timestamp: Int64, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer) {
        scratch.sample = SampleTemplate(timestamp: timestamp)
        scratch.symbols.begin()
    }

    /// The symbols come last: fields of a message may come in any order, and they are known only now.
    func finish(_ scratch: inout EncodingScratch, _ buffer: inout WireBuffer) {
        buffer.append(scratch.symbols.fields)
        scratch.symbols.releaseBorrowed()
    }

    @inline(__always)
    func size(_ scratch: borrowing EncodingScratch, _ buffer: borrowing WireBuffer) -> Int {
        buffer.count + scratch.symbols.fields.count
    }

    func beginFamily(_ family: MetricFamily, _ scratch: inout EncodingScratch) {}

    /// The references of what the series of a family share, in this request. `TimeSeries.metadata` (field 5): type 1, help_ref 3,
    /// unit_ref 4.
    private func open(_ family: MetricFamily, _ scratch: inout EncodingScratch) {
        let names = families[Int(family.rawValue)]
        scratch.name.removeAll()
        scratch.name.appendVarint(scratch.symbols.place(of: nameLabel))
        scratch.name.appendVarint(scratch.symbols.place(of: names.name))
        let help = scratch.symbols.place(of: names.help)
        let unit = names.unit.map { scratch.symbols.place(of: $0) } ?? 0
        scratch.metadata.removeAll()
        let length = 2 + 1 + Protobuf.varintSize(help) + (unit > 0 ? 1 + Protobuf.varintSize(unit) : 0)
        scratch.metadata.appendFieldHeader(5, length: length)
        scratch.metadata.append(Protobuf.tag(1, .varint))
        scratch.metadata.appendVarint(family.type.number)
        scratch.metadata.append(Protobuf.tag(3, .varint))
        scratch.metadata.appendVarint(help)
        if unit > 0 {
            scratch.metadata.append(Protobuf.tag(4, .varint))
            scratch.metadata.appendVarint(unit)
        }
    }

    @inline(__always)
    func append(
        _ kept: LabelCache.Entry, _ value: Double, created: Int64, _ family: MetricFamily, _ opening: FamilyOpening,
        room: Int, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) -> Bool {
        appendSeries(
            kept.bytes, split: kept.split, weight: kept.weight, value, created: created, family, opening, room: room,
            &scratch, &buffer)
    }

    @inline(never)
    func append(
        new set: LabelSet, _ value: Double, created: Int64, _ family: MetricFamily, _ opening: FamilyOpening,
        room: Int, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) -> Bool {
        var texts = [String]()
        var split = 0
        var weight = 0
        labels.forEach(set.pairs) { name, value in
            texts.append(name)
            texts.append(value)
            if name < SeriesLabels.name { split = 4 * texts.count }
            weight += Self.symbolSize(name) + Self.symbolSize(value)
        }
        var numbers = WireBuffer(capacity: 4 * texts.count)
        SymbolTable.shared.add(texts, to: &numbers)
        let bytes = numbers.bytes
        return bytes.withUnsafeBytes { bytes in
            let isKept = set.encoded.keep(
                bytes, owner: labels.owner, split: split, weight: weight,
                release: { SymbolTable.shared.release(UnsafeRawBufferPointer(start: $0, count: $1)) })
            // Otherwise this request alone refers to them.
            if !isKept { scratch.symbols.borrow(bytes) }
            return appendSeries(
                bytes, split: split, weight: weight, value, created: created, family, opening, room: room, &scratch,
                &buffer)
        }
    }

    /// `Request.timeseries` (field 5): labels_refs 1 (packed), samples 2, metadata 5, created_timestamp 6.
    ///
    /// - Parameters:
    ///   - numbers: those of names and values, four bytes each.
    ///   - split: the bytes of those before `__name__`.
    ///   - weight: bytes of their texts as symbols.
    @inline(__always)
    private func appendSeries(
        _ numbers: UnsafeRawBufferPointer, split: Int, weight: Int, _ value: Double, created began: Int64,
        _ family: MetricFamily, _ opening: FamilyOpening, room: Int, _ scratch: inout EncodingScratch,
        _ buffer: inout WireBuffer
    ) -> Bool {
        // A reference is at most five bytes; the rest of a series without it less than 96.
        let bound = numbers.count / 4 * 5 + weight + families[Int(family.rawValue)].weight + 96
        guard bound <= room else { return false }
        if opening != .none { open(family, &scratch) }

        let most = numbers.count / 4 * 5 + scratch.name.count
        scratch.labels.removeAll()
        let references = scratch.labels.room(most)
        var end = references
        var offset = 0
        while offset < split {
            let number = numbers.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            end = Protobuf.writeVarint(scratch.symbols.place(of: number), at: end)
            offset += 4
        }
        scratch.name.copy(to: end)
        end += scratch.name.count
        while offset < numbers.count {
            let number = numbers.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            end = Protobuf.writeVarint(scratch.symbols.place(of: number), at: end)
            offset += 4
        }

        let referenceCount = end - references
        let created = family.type == .counter && began > 0 ? UInt64(began) : 0
        let createdSize = created > 0 ? 1 + Protobuf.varintSize(created) : 0
        let length =
            Protobuf.fieldSize(referenceCount) + scratch.sample.count + scratch.metadata.count + 2 * createdSize
        let size = Protobuf.fieldSize(length)
        let start = buffer.room(size + SampleTemplate.room)
        start.storeBytes(of: Protobuf.tag(5, .lengthDelimited), as: UInt8.self)
        var target = Protobuf.writeVarint(UInt64(length), at: start + 1)
        target.storeBytes(of: Protobuf.tag(1, .lengthDelimited), as: UInt8.self)
        target = Protobuf.writeVarint(UInt64(referenceCount), at: target + 1)
        target.copyMemory(from: references, byteCount: referenceCount)
        target += referenceCount
        scratch.sample.write(value, at: target)
        if created > 0 {
            // The sample has one field more: its length follows its tag and is less than 128.
            target.storeBytes(of: UInt8(scratch.sample.count - 2 + createdSize), toByteOffset: 1, as: UInt8.self)
            target += scratch.sample.count
            target.storeBytes(of: Protobuf.tag(3, .varint), as: UInt8.self)
            target = Protobuf.writeVarint(created, at: target + 1)
        } else {
            target += scratch.sample.count
        }
        scratch.metadata.copy(to: target)
        target += scratch.metadata.count
        if created > 0 {
            target.storeBytes(of: Protobuf.tag(6, .varint), as: UInt8.self)
            _ = Protobuf.writeVarint(created, at: target + 1)
        }
        buffer.advance(size)
        return true
    }
}
