/// What a receiver has of an agent's snapshots.
///
/// `martlet_push_snapshots_total` counts the snapshots that were taken to be pushed, from 0 on in each life of the agent, and
/// `martlet_series` how many series a snapshot has. So the receiver alone tells which snapshots it lacks, and whether it
/// has all series of the others.
struct PushLedger: CustomStringConvertible {
    /// The numbers of the snapshots that arrived, by time, for each life of the agent.
    private(set) var lives: [[Int]] = []
    /// Snapshots that came between others, or before the first one, and are not there.
    private(set) var missing = 0
    /// Samples of all series together.
    let samples: Int
    /// As many samples as the snapshots that arrived say they have.
    let expectedSamples: Int
    /// The smallest and the largest number of samples in a snapshot.
    let range: ClosedRange<Int>

    var snapshots: Int { lives.reduce(0) { $0 + $1.count } }

    /// Whether every series has a sample of every snapshot.
    var isWhole: Bool { missing == 0 && samples == expectedSamples }

    var description: String {
        "\(lives.count) lives, \(snapshots) snapshots, \(missing) missing, \(samples) of \(expectedSamples) samples"
    }

    init(_ store: some MetricsStore) throws {
        for point in try store.samples("martlet_push_snapshots_total").flatMap(\.points).sorted(by: {
            $0.time < $1.time
        }) {
            let number = Int(point.value)
            if let last = lives.last?.last, number > last {
                missing += number - last - 1
                lives[lives.count - 1].append(number)
            } else {
                missing += number
                lives.append([number])
            }
        }
        samples = try store.samples("{__name__=~\".+\"}").reduce(0) { $0 + $1.points.count }
        let sizes = try store.samples("martlet_series").flatMap(\.points).map { Int($0.value) }
        expectedSamples = sizes.reduce(0, +)
        range = (sizes.min() ?? 0)...(sizes.max() ?? 0)
    }
}
