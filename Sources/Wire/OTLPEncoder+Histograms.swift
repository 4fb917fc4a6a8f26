import Metrics

/// Histograms: the series of three families of the snapshot, of which one data point is made.
///
/// The families have their series in the same order, so that each histogram's parts are found where the walk stands. A part may be
/// missing (`--max-series`, `--metric-denylist`): without a bucket the histogram is coarser by that bound, without a sum it has
/// none, and without a count the last bucket says it.
extension OTLPEncoder {
    /// How far a part is looked for.
    private static let lookahead = 1024
    /// More bounds than any histogram has.
    private static let mostBounds = 64

    /// A data point before it is written.
    private struct Point {
        let labels: HistogramLabels
        /// Its buckets, ascending by bound; the number of bounds that are finite.
        var buckets: Range<Int>
        var bounds = 0
        var total = 0.0
        var sum: Double?
        var created: Int64 = 0
        var hasCount = false
        var hasEnded = false
        /// Where the walk goes on behind it.
        var next: HistogramWalk
    }

    func appendHistograms(
        _ family: MetricFamily, of snapshot: MetricsSnapshot, _ shard: Shard, _ walk: inout HistogramWalk,
        _ written: inout Int, _ limits: RequestLimits, _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) -> Bool {
        let buckets = snapshot[family]
        let sums = Self.samples(of: snapshot, behind: family, 1)
        let counts = Self.samples(of: snapshot, behind: family, 2)
        if walk.bucket == 0, walk.count == 0, walk.ended == 0 { scratch.withoutCount.removeAll(keepingCapacity: true) }
        var isOpen = false
        // Scratch memory that the point's labels may lie in.
        var own = WireBuffer()
        swap(&own, &scratch.labels)
        defer { swap(&own, &scratch.labels) }
        while let point = next(buckets, sums, counts, walk, &own, &scratch) {
            if shard.count == 1 || shard.contains(family, hash: point.labels.hash) {
                let room = written == 0 ? Int.max : limits.bytes - buffer.count
                guard written < limits.samples, append(point, buckets, family, &isOpen, room, &scratch, &buffer) else {
                    return false
                }
                written += 1
            }
            if !point.hasCount, !point.hasEnded { scratch.withoutCount.append(point.labels.hash) }
            walk = point.next
        }
        return true
    }

    private static func samples(
        of snapshot: MetricsSnapshot, behind family: MetricFamily, _ distance: UInt16
    ) -> [MetricsSnapshot.Sample] {
        MetricFamily(rawValue: family.rawValue + distance).map { snapshot[$0] } ?? []
    }

    // MARK: What is next

    private func next(
        _ buckets: [MetricsSnapshot.Sample], _ sums: [MetricsSnapshot.Sample], _ counts: [MetricsSnapshot.Sample],
        _ walk: HistogramWalk, _ own: inout WireBuffer, _ scratch: inout EncodingScratch
    ) -> Point? {
        var walk = walk
        walk.bucket = Self.firstLive(buckets, walk.bucket)
        walk.count = Self.firstLive(counts, walk.count)
        if walk.bucket < buckets.count {
            let first = labels(of: buckets[walk.bucket].labels, &own)
            let place = find(first, counts, from: walk.count, &scratch)
            // Counts before it have lost their buckets.
            if place == nil || place == walk.count {
                return point(first, buckets, sums, place.map { counts[$0] }, walk, &scratch)
            }
        }
        if walk.count < counts.count {
            let sample = counts[walk.count]
            return point(labels(of: sample.labels, &own), [], sums, sample, walk, &scratch)
        }
        return nextEnded(buckets, counts, walk, &own, scratch)
    }

    /// A histogram that goes on.
    private func point(
        _ labels: HistogramLabels, _ buckets: [MetricsSnapshot.Sample], _ sums: [MetricsSnapshot.Sample],
        _ count: MetricsSnapshot.Sample?, _ walk: HistogramWalk, _ scratch: inout EncodingScratch
    ) -> Point {
        var next = walk
        var point = Point(labels: labels, buckets: walk.bucket..<walk.bucket, next: walk)
        var bound = -Double.infinity
        while next.bucket < buckets.count, !StaleMarker.isMarker(buckets[next.bucket].value),
            point.bounds < Self.mostBounds
        {
            let part = self.labels(of: buckets[next.bucket].labels, &scratch.name)
            guard part.bound > bound, part.isSame(as: labels) else { break }
            bound = part.bound
            point.total = buckets[next.bucket].value
            point.created = max(point.created, buckets[next.bucket].created)
            if bound.isFinite { point.bounds += 1 }
            next.bucket += 1
        }
        point.buckets = walk.bucket..<next.bucket
        if let count {
            point.total = count.value
            point.created = count.created
            point.hasCount = true
            next.count += 1
        }
        if let place = find(labels, sums, from: walk.sum, &scratch) {
            point.sum = sums[place].value
            next.sum = place + 1
        }
        point.next = next
        return point
    }

    /// A histogram that has ended, by the end of its count, or of its last bucket where there are no counts.
    private func nextEnded(
        _ buckets: [MetricsSnapshot.Sample], _ counts: [MetricsSnapshot.Sample], _ walk: HistogramWalk,
        _ own: inout WireBuffer, _ scratch: borrowing EncodingScratch
    ) -> Point? {
        var walk = walk
        let samples = counts.isEmpty ? buckets : counts
        while walk.ended < samples.count {
            let sample = samples[walk.ended]
            walk.ended += 1
            guard StaleMarker.isMarker(sample.value) else { continue }
            let labels = labels(of: sample.labels, &own)
            if labels.bound.isFinite || !counts.isEmpty && scratch.withoutCount.contains(labels.hash) { continue }
            var point = Point(labels: labels, buckets: 0..<0, next: walk)
            point.hasEnded = true
            return point
        }
        return nil
    }

    private static func firstLive(_ samples: [MetricsSnapshot.Sample], _ start: Int) -> Int {
        var place = start
        while place < samples.count, StaleMarker.isMarker(samples[place].value) { place += 1 }
        return place
    }

    /// Where the live sample with these labels is.
    private func find(
        _ labels: HistogramLabels, _ samples: [MetricsSnapshot.Sample], from start: Int,
        _ scratch: inout EncodingScratch
    ) -> Int? {
        var place = start
        while place < min(samples.count, start + Self.lookahead) {
            if !StaleMarker.isMarker(samples[place].value),
                self.labels(of: samples[place].labels, &scratch.name).isSame(as: labels)
            {
                return place
            }
            place += 1
        }
        return nil
    }

    /// - Parameter spare: where the bytes are made if the set does not keep them.
    private func labels(of set: LabelSet, _ spare: inout WireBuffer) -> HistogramLabels {
        if let kept = set.encoded.entry(of: owner) {
            return HistogramLabels(kept.bytes, split: kept.split, weight: kept.weight)
        }
        spare.removeAll()
        let (split, weight) = appendAttributes(of: set, to: &spare)
        let bytes = spare.bytes
        return bytes.withUnsafeBytes { bytes in
            set.encoded.keep(bytes, owner: owner, split: split, weight: weight)
            return HistogramLabels(bytes, split: split, weight: weight)
        }
    }

    // MARK: Writing

    /// `Histogram.data_points` (field 1), a `HistogramDataPoint`: start_time_unix_nano 2, time_unix_nano 3, count 4, sum 5,
    /// bucket_counts 6 (packed), explicit_bounds 7 (packed), attributes 9, flags 10. Counts are of each bucket alone; the last one has
    /// no bound.
    private func append(
        _ point: Point, _ buckets: [MetricsSnapshot.Sample], _ family: MetricFamily, _ isOpen: inout Bool, _ room: Int,
        _ scratch: inout EncodingScratch, _ buffer: inout WireBuffer
    ) -> Bool {
        let attributes = point.labels.attributes
        let started = Self.nanoseconds(point.created)
        let hasBuckets = !point.buckets.isEmpty
        let numbers = hasBuckets ? 8 * (point.bounds + 1) : 0
        var length = 9 + attributes.count
        if point.hasEnded {
            length += 2
        } else {
            length += (started > 0 ? 9 : 0) + 9 + (point.sum == nil ? 0 : 9)
            if hasBuckets { length += Protobuf.fieldSize(numbers) + Protobuf.fieldSize(numbers - 8) }
        }
        let size = Protobuf.fieldSize(length)
        // The rest of a metric without its texts is less than 64 bytes.
        let opening = isOpen ? 0 : family.name.utf8.count + family.help.utf8.count + 64
        guard size + opening <= room else { return false }
        if !isOpen { open(family, as: Self.histogram, without: "_bucket".utf8.count, &scratch, &buffer) }
        isOpen = true
        let start = buffer.room(size)
        start.storeBytes(of: Protobuf.tag(1, .lengthDelimited), as: UInt8.self)
        var target = Protobuf.writeVarint(UInt64(length), at: start + 1)
        if started > 0, !point.hasEnded { target = Self.writeFixed(2, started, at: target) }
        target = Self.writeFixed(3, scratch.time, at: target)
        if !point.hasEnded {
            target = write(point, buckets, numbers, at: target)
        }
        target = Self.copy(attributes, to: target)
        if point.hasEnded {
            target.storeBytes(of: Protobuf.tag(10, .varint), as: UInt8.self)
            target.storeBytes(of: Self.noRecordedValue, toByteOffset: 1, as: UInt8.self)
        }
        buffer.advance(size)
        return true
    }

    /// - Parameter numbers: bytes of the counts of buckets.
    private func write(
        _ point: Point, _ buckets: [MetricsSnapshot.Sample], _ numbers: Int, at start: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        // What the buckets say together is the count, whatever becomes of hostile values.
        var total: UInt64 = 0
        for place in point.buckets { total = Self.whole(buckets[place].value, atLeast: total) }
        total = Self.whole(point.total, atLeast: total)
        var target = Self.writeFixed(4, total, at: start)
        if let sum = point.sum { target = Self.writeFixed(5, sum.bitPattern, at: target) }
        if numbers == 0 { return target }
        target.storeBytes(of: Protobuf.tag(6, .lengthDelimited), as: UInt8.self)
        target = Protobuf.writeVarint(UInt64(numbers), at: target + 1)
        let finite = point.buckets.lowerBound..<point.buckets.lowerBound + point.bounds
        var before: UInt64 = 0
        for place in finite {
            let upTo = Self.whole(buckets[place].value, atLeast: before)
            target.storeBytes(of: (upTo - before).littleEndian, as: UInt64.self)
            target += 8
            before = upTo
        }
        target.storeBytes(of: (total - before).littleEndian, as: UInt64.self)
        target += 8
        target.storeBytes(of: Protobuf.tag(7, .lengthDelimited), as: UInt8.self)
        target = Protobuf.writeVarint(UInt64(numbers - 8), at: target + 1)
        // For sets that cannot keep their bytes.
        var spare = WireBuffer()
        for place in finite {
            let bound = labels(of: buckets[place].labels, &spare).bound
            target.storeBytes(of: bound.bitPattern.littleEndian, as: UInt64.self)
            target += 8
        }
        return target
    }

    private static func whole(_ value: Double, atLeast least: UInt64) -> UInt64 {
        max(least, value > 0 ? UInt64(min(value, 0x1p62)) : 0)
    }

    /// Copies `attributes` fields (7 of a number's data point), which have the number 9 here.
    private static func copy(
        _ attributes: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        guard let source = attributes.baseAddress else { return target }
        target.copyMemory(from: source, byteCount: attributes.count)
        var fields = ProtobufReader(attributes)
        var start = 0
        while fields.next() != nil {
            target.storeBytes(of: Protobuf.tag(9, .lengthDelimited), toByteOffset: start, as: UInt8.self)
            start = fields.position
        }
        return target + attributes.count
    }
}
