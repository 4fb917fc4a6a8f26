/// What takes the messages of all containers, in the order in which each source has them.
///
/// All calls come from one thread, the one that reads. A message is never refused: when the sink is full it says so, and
/// nothing more is read until `hasRoom`; then the files wait. What it is given beyond that is what one read of
/// one file holds, 256 KiB.
///
/// The reader may begin again at any message that is not settled: after a crash it does so. So a sink counts what it takes,
/// and says up to which of them nothing needs to be read again. A checkpoint is written soon after `settled` has grown.
public protocol LogSink: AnyObject, Sendable {
    /// Takes one message with what its JSON said; nothing of either may be kept. False says that the sink is full now;
    /// this message is taken in any case.
    func take(_ record: borrowing LogRecord, _ json: borrowing JSONLog, from owner: LogOwner) -> Bool

    /// Whether there is room for another read.
    var hasRoom: Bool { get }

    /// How many messages were taken since the start.
    var taken: UInt64 { get }

    /// How many of them, in the order of taking, are delivered, on disk, or given up and counted. Never more than `taken`,
    /// never less than before.
    var settled: UInt64 { get }
}
