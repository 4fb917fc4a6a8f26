@testable import Spool

/// What a queue of records may look like after all that was done to it, kept as simply as possible.
///
/// It knows of every sequence which texts were given for it, which ones `append` returned for, and up to where
/// acknowledgements were made, and judges what is read.
struct SpoolModel {
    /// What a crash may take.
    enum Promise {
        /// Nothing that `append` returned for.
        case all
        /// What was not made durable.
        case durable
    }

    /// Texts by sequence. A number whose record was lost, or failed half-way, may be given out again.
    private var texts: [UInt64: Set<String>] = [:]
    /// Sequences for which `append` returned, with the text.
    private(set) var appended: [UInt64: String] = [:]
    /// Texts for which it failed: nothing of them may be read, unless the failure left no way to take them back.
    private var refused: Set<String> = []
    /// All up to here was acknowledged, and the call returned.
    private(set) var acknowledged: UInt64 = 0
    /// Those for which a call to acknowledge them was made.
    private var done: Set<UInt64> = []
    /// All up to here is durable.
    private(set) var durable: UInt64 = 0
    /// The last sequence that was read since the spool was opened.
    private var lastRead: UInt64 = 0
    /// Records that may be half-written or unreturned: a crash came while they were appended.
    private(set) var doubtful = 0
    private(set) var complaints: [String] = []

    mutating func willAppend(_ text: String, next: UInt64) { texts[next, default: []].insert(text) }

    mutating func didAppend(_ text: String, _ sequence: UInt64, isDurable: Bool) {
        if appended[sequence] != nil { complain("sequence \(sequence) was given out twice") }
        texts[sequence, default: []].insert(text)
        appended[sequence] = text
        if isDurable { durable = sequence }
    }

    mutating func didRefuse(_ text: String, mayRemain: Bool) {
        if mayRemain { doubtful += 1 } else { refused.insert(text) }
    }

    mutating func diedAppending() { doubtful += 1 }

    mutating func madeDurable() { durable = appended.keys.max() ?? durable }

    mutating func willAcknowledge(_ sequence: UInt64) { done.insert(sequence) }
    mutating func didAcknowledge(_ sequence: UInt64) { acknowledged = max(acknowledged, sequence) }

    /// The spool is opened again after a crash.
    mutating func reopened(_ promise: Promise, keepsAcknowledgements: Bool) {
        lastRead = 0
        if !keepsAcknowledgements { acknowledged = 0 }
        if promise == .durable {
            // What was not durable may be there or not, and its numbers may be given out again.
            for sequence in appended.keys where sequence > durable { appended[sequence] = nil }
        }
    }

    mutating func didRead(_ record: SpoolRecord) {
        let text = record.text
        if record.sequence <= lastRead { complain("\(record.sequence) after \(lastRead)") }
        lastRead = record.sequence
        if record.sequence <= acknowledged { complain("\(record.sequence) was acknowledged and comes again") }
        if texts[record.sequence]?.contains(text) != true { complain("\(record.sequence) is not what was written") }
        if refused.contains(text) { complain("\(record.sequence) was refused") }
    }

    /// Those that must still be there, or be counted as lost.
    var owed: Set<UInt64> { Set(appended.keys).subtracting(done) }

    /// A record was taken, then its segment gave way, and then the process died: nobody has it any more.
    mutating func forgive(_ sequence: UInt64) { done.insert(sequence) }

    /// What is cut off the end of the last file leaves no number: it is given out again.
    mutating func cutOff(from next: UInt64) {
        for sequence in appended.keys where sequence >= next { appended[sequence] = nil }
    }

    private mutating func complain(_ text: String) { complaints.append(text) }
}
