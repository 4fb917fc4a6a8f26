import NIOCore
import Wire

/// Compresses requests, and makes them over for a receiver that does not take them as they are.
struct Packer: ~Copyable {
    /// Memory kept between requests.
    private static let keptBytes = 1 << 20
    /// A request is 1 MiB before compression, or holds a single series.
    private static let largestRequest = 16 << 20

    private var packed = WireBuffer()
    private var plain = WireBuffer()
    private var converted = WireBuffer()
    private var rest = WireBuffer()
    private var zstd = ZstdCompressor()

    /// The bytes of `request`, compressed.
    mutating func pack(_ request: borrowing WireBuffer, _ coding: RequestCoding) throws(CompressionError) -> ByteBuffer
    {
        try Self.pack(request, coding, &zstd, &packed)
    }

    /// The same samples in another form. Remote write 2.0 can become 1.0, nothing else changes its protocol. Throws
    /// `DecompressionError` or `CompressionError`.
    mutating func repack(_ request: PushRequest, as packaging: Packaging) throws -> PushRequest {
        try unpack(request)
        let body: ByteBuffer
        switch (request.packaging.format, packaging.format) {
        case (.remoteWrite2, .remoteWrite):
            try RemoteWriteDowngrade.convert(plain, into: &converted)
            body = try Self.pack(converted, packaging.coding, &zstd, &packed)
        case let (old, new) where old == new: body = try Self.pack(plain, packaging.coding, &zstd, &packed)
        default: throw DecompressionError.malformed("a request of protocol \(packaging.format.name)")
        }
        return PushRequest(
            body: body, samples: request.samples, packaging: packaging, shard: request.shard,
            sequence: request.sequence)
    }

    /// The request cut in two; nil if there is only one item in it. `plainBytes` is how large it was. Throws `DecompressionError` or
    /// `CompressionError`.
    mutating func halve(
        _ request: PushRequest
    ) throws -> (plainBytes: Int, halves: (first: PushRequest, second: PushRequest)?) {
        try unpack(request)
        rest.removeAll(keepingAtMost: Self.keptBytes)
        guard let count = try RequestHalves.cut(plain, request.packaging.format.halves, into: &converted, &rest) else {
            return (plain.count, nil)
        }
        let items = min(count, request.samples)
        var first = PushRequest(
            body: try Self.pack(converted, request.packaging.coding, &zstd, &packed), samples: items,
            packaging: request.packaging, shard: request.shard, position: request.position,
            sequence: request.sequence)
        first.plainBytes = converted.count
        var second = PushRequest(
            body: try Self.pack(rest, request.packaging.coding, &zstd, &packed), samples: request.samples - items,
            packaging: request.packaging, shard: request.shard, position: request.position &+ UInt64(items),
            sequence: request.sequence)
        second.plainBytes = rest.count
        return (plain.count, (first, second))
    }

    /// Decompresses a request into `plain`.
    private mutating func unpack(_ request: PushRequest) throws {
        plain.removeAll(keepingAtMost: Self.keptBytes)
        converted.removeAll(keepingAtMost: Self.keptBytes)
        let bytes = request.body.readableBytesView
        try bytes.withUnsafeBytes { pointer in
            let span = RawSpan(_unsafeBytes: pointer)
            switch request.packaging.coding {
            case .snappy: try Snappy.decompress(span, limit: Self.largestRequest, into: &plain)
            case .zstd: try Zstd.decompress(span, limit: Self.largestRequest, into: &plain)
            case .gzip: try Gzip.decompress(span, limit: Self.largestRequest, into: &plain)
            case .none: plain.append(pointer)
            }
        }
    }

    private static func pack(
        _ request: borrowing WireBuffer, _ coding: RequestCoding, _ zstd: inout ZstdCompressor,
        _ packed: inout WireBuffer
    ) throws(CompressionError) -> ByteBuffer {
        packed.removeAll(keepingAtMost: keptBytes)
        switch coding {
        case .snappy: try Snappy.compress(request, into: &packed)
        case .zstd: try zstd.compress(request, into: &packed)
        case .gzip: try Gzip.compress(request, into: &packed)
        case .none: return copy(request)
        }
        return copy(packed)
    }

    private static func copy(_ buffer: borrowing WireBuffer) -> ByteBuffer {
        let bytes = buffer.bytes
        return bytes.withUnsafeBytes { ByteBuffer(bytes: $0) }
    }
}
