/// The rate of a counter that moves in steps which do not fall together with the pages: the agent reads control groups
/// every few seconds, so that a counter stands still on some pages and jumps on the next.
///
/// It is measured from one step to a later one, as far as steps were seen. Times are in nanoseconds.
struct RateTrack: Sendable {
    private struct Step {
        let time: UInt64
        let value: Double
    }

    /// The oldest first. The first is where watching began until two real steps are there.
    private var steps: [Step]
    private var beginsWithStep = false
    private var last: UInt64

    /// So many steps are averaged.
    private static let maximumSteps = 4
    /// After so long without a step the counter stands still.
    private static let idle: UInt64 = 12_000_000_000
    /// A rate over this much does without steps at both ends.
    private static let longEnough: UInt64 = 6_000_000_000

    init(_ value: Double, at time: UInt64) {
        steps = [Step(time: time, value: value)]
        last = time
    }

    /// A later page says `value`. A value that is smaller means that the counter began again.
    mutating func add(_ value: Double, at time: UInt64) {
        guard let previous = steps.last, value >= previous.value, time > last else {
            self = RateTrack(value, at: time)
            return
        }
        last = time
        if value == previous.value { return }
        steps.append(Step(time: time, value: value))
        if !beginsWithStep, steps.count == 3 {
            steps.removeFirst()
            beginsWithStep = true
        }
        if steps.count > Self.maximumSteps { steps.removeFirst() }
    }

    /// Per second; nil as long as there is too little to say.
    var perSecond: Double? {
        guard let first = steps.first, let latest = steps.last else { return nil }
        if beginsWithStep {
            if last - latest.time > Self.idle { return 0 }
            return (latest.value - first.value) / (Double(latest.time - first.time) / 1e9)
        }
        guard last - first.time >= Self.longEnough else { return nil }
        return (latest.value - first.value) / (Double(last - first.time) / 1e9)
    }
}
