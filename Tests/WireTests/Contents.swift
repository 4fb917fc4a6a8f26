import Wire

/// The bytes in `buffer`.
func content(_ buffer: borrowing WireBuffer) -> [UInt8] {
    buffer.bytes.withUnsafeBytes { Array($0) }
}

/// The bytes in `buffer` as text; invalid UTF-8 shows as replacement characters.
func string(_ buffer: borrowing WireBuffer) -> String {
    String(decoding: content(buffer), as: UTF8.self)
}
