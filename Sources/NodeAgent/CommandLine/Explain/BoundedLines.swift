import Glibc

/// The lines of a stream, read in blocks. A line may be any bytes; one that is longer than `limit` is cut.
struct BoundedLines {
    private let descriptor: Int32
    private let limit: Int
    private var block = [UInt8](repeating: 0, count: 65_536)
    private var position = 0
    private var end = 0

    /// The default limit is more than a path of Linux has (4,096 bytes).
    init(of descriptor: Int32, limit: Int = 8192) {
        self.descriptor = descriptor
        self.limit = limit
    }

    /// The next line without its end, nil at the end of the stream or where it cannot be read further.
    mutating func next() -> (bytes: [UInt8], isWhole: Bool)? {
        var line: [UInt8] = []
        var isWhole = true
        var isLine = false
        while true {
            if position == end, !fill() { return isLine ? (line, isWhole) : nil }
            isLine = true
            let stop = block[position..<end].firstIndex(of: UInt8(ascii: "\n")) ?? end
            let room = limit - line.count
            if stop - position > room { isWhole = false }
            line.append(contentsOf: block[position..<min(stop, position + room)])
            if stop < end {
                position = stop + 1
                return (line, isWhole)
            }
            position = end
        }
    }

    private mutating func fill() -> Bool {
        while true {
            let descriptor = descriptor
            let count = block.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            position = 0
            end = max(count, 0)
            return count > 0
        }
    }
}
