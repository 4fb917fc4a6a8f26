import Metrics
import NIOCore
import Wire

/// Makes pages, one at a time, in buffers that are used again.
actor PageRenderer {
    /// Memory kept between pages; a node with few containers never needs more.
    private static let keptBytes = 1 << 20

    private var text = WireBuffer()
    private var packed = WireBuffer()

    func render(_ snapshot: MetricsSnapshot, format: TextFormat, coding: ContentCoding) throws(CompressionError)
        -> ByteBuffer
    {
        defer {
            text.removeAll(keepingAtMost: Self.keptBytes)
            packed.removeAll(keepingAtMost: Self.keptBytes)
        }
        TextExposition.encode(snapshot, format: format, into: &text)
        switch coding {
        case .identity: return ByteBuffer(copying: text)
        case .gzip: try Gzip.compress(text, into: &packed)
        case .zstd: try Zstd.compress(text, into: &packed)
        }
        return ByteBuffer(copying: packed)
    }
}

extension ByteBuffer {
    init(copying buffer: borrowing WireBuffer) {
        let bytes = buffer.bytes
        self = bytes.withUnsafeBytes { ByteBuffer(bytes: $0) }
    }
}
