/// A method of rustls that sees plain text and keeps being a function of its own in release builds: because it is called through
/// a table, or is long and called from several places.
enum RustlsMethod: Hashable {
    /// Takes text to be sent.
    case write
    /// The same in several parts.
    case writeParts
    /// What either calls, until rustls 0.22.
    case writeSome
    /// The same since.
    case writeChunks
    /// Gets each record after a handshake.
    case receive
    /// Gets a message of a handshake: a client's first one, or either side's last.
    case handshake

    /// Every symbol of theirs has one of these in it.
    static let words = ["ExpectTraffic", "ExpectFinished", "ExpectClientHello", "PlaintextSink", "CommonState"]

    /// By the symbol, which the compiler makes of path and types in one of two ways: as C++ did, with a `$` or `.` for what names
    /// cannot have; or as RFC 2603 of Rust says. In both, a name stands behind its length.
    init?(symbol: String) {
        func has(_ older: String, _ newer: String) -> Bool { symbol.contains(older) || symbol.contains(newer) }
        if has("PlaintextSink$GT$5write17h", "13PlaintextSink5write") {
            self = .write
        } else if has("PlaintextSink$GT$14write_vectored17h", "13PlaintextSink14write_vectored") {
            self = .writeParts
        } else if symbol.contains("11CommonState19send_some_plaintext") {
            self = .writeSome
        } else if symbol.contains("11CommonState16buffer_plaintext") {
            self = .writeChunks
        } else if !has("$GT$6handle17h", "E6handle") {
            return nil
        } else if has("..ExpectTraffic$u20$as", "13ExpectTraffic") {
            self = .receive
        } else if has("..ExpectFinished$u20$as", "14ExpectFinished")
            || has("..ExpectClientHello$u20$as", "17ExpectClientHello")
        {
            self = .handshake
        } else {
            return nil
        }
    }
}
