import CZstd

/// Compresses one request after another as Zstandard frames (RFC 8878) with one context, so that a request costs no allocation.
///
/// The context is made when it is first used and holds the library's working memory: 0.6 MiB at level 1 and 1.3 MiB at level 3
/// for requests of 1 MiB. `Zstd.compress` is for whoever compresses now and then.
public struct ZstdCompressor: ~Copyable {
    /// What remote write gains by more is measured in docs/wire.md.
    public static let defaultLevel: Int32 = 1

    private let level: Int32
    private var context: OpaquePointer?

    public init(level: Int32 = ZstdCompressor.defaultLevel) { self.level = level }

    deinit { ZSTD_freeCCtx(context) }

    /// Appends `input`, compressed as one frame.
    public mutating func compress(
        _ input: borrowing WireBuffer, into output: inout WireBuffer
    ) throws(CompressionError) {
        if context == nil { context = ZSTD_createCCtx() }
        guard let context else { throw CompressionError(library: "zstd", code: Self.outOfMemory) }
        let (source, level) = (input.bytes, level)
        try output.appendUpTo(ZSTD_compressBound(source.byteCount)) { target throws(CompressionError) in
            let result = source.withUnsafeBytes { bytes in
                ZSTD_compressCCtx(context, target.baseAddress, target.count, bytes.baseAddress, bytes.count, level)
            }
            guard ZSTD_isError(result) == 0 else {
                // Errors are negated codes.
                throw CompressionError(library: "zstd", code: -result)
            }
            return result
        }
    }

    /// Gives the library's working memory back until the next request.
    public mutating func releaseMemory() {
        ZSTD_freeCCtx(context)
        context = nil
    }

    /// `ZSTD_error_memory_allocation` of zstd_errors.h.
    private static let outOfMemory = 64
}

// The context has one owner, which is this value: it moves between threads only with the value itself.
extension ZstdCompressor: @unchecked Sendable {}
