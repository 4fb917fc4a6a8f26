import Foundation

extension Pipe {
    /// The next line that a child prints, without its end; what there is of one if the child ended.
    ///
    /// It takes nothing of the line after it, and it waits for the whole line: Python writes the end of a line by itself if it is
    /// told not to buffer.
    func line() -> String {
        var bytes: [UInt8] = []
        while let byte = try? fileHandleForReading.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") {
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
