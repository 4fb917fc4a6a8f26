import Glibc

/// Lines to standard output and standard error, unbuffered, so that the two stay in order.
enum Output {
    static func result(_ line: String) { write(line, to: 1) }
    static func note(_ line: String) { write(line, to: 2) }

    private static func write(_ line: String, to descriptor: Int32) {
        var bytes = Array((line + "\n").utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count <= 0 { return }
            bytes.removeFirst(count)
        }
    }
}
