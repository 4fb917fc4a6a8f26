import Glibc

/// Unbuffered writes to the standard streams.
enum StandardStreams {
    /// Writes a line to standard output.
    static func print(_ line: String) { write(Array((line + "\n").utf8), to: STDOUT_FILENO) }

    /// Writes what went wrong to standard error, as one line after the program's name.
    static func complain(_ line: String) { write(Array("martlet-node: \(line)\n".utf8), to: STDERR_FILENO) }

    /// Writes all of `bytes`; gives up where the reader has gone.
    static func write(_ bytes: [UInt8], to descriptor: Int32) {
        bytes.withUnsafeBytes { raw in
            var rest = raw[...]
            while !rest.isEmpty {
                let part = UnsafeRawBufferPointer(rebasing: rest)
                let count = Glibc.write(descriptor, part.baseAddress, part.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    return
                }
                rest = rest.dropFirst(count)
            }
        }
    }
}
