internal import Synchronization

/// Some processes that are looked at one after the other, and how far that has come.
final class InspectionBatch: Sendable {
    struct Request: Sendable {
        let pid: UInt32
        /// CLOCK_BOOTTIME: with the number it names the process.
        let start: UInt64
        let container: Container
    }

    let requests: [Request]
    private let position = Atomic(0)

    init(_ requests: [Request]) { self.requests = requests }

    /// The index of the request that is being worked on.
    var current: Int { position.load(ordering: .relaxed) }

    /// The facts of those that can be looked at, with the index of their request.
    func run(_ reader: ProcessReader) -> [(index: Int, facts: ProcessFacts)] {
        var found: [(index: Int, facts: ProcessFacts)] = []
        for (index, request) in requests.enumerated() {
            position.store(index, ordering: .relaxed)
            if let facts = reader.read(Int32(bitPattern: request.pid)) { found.append((index, facts)) }
        }
        return found
    }
}
