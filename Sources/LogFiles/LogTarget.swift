public import Logs

/// A container whose messages are to be read.
public struct LogTarget: Sendable, Equatable {
    public var containerID: String
    public var serviceName: String
    /// Its log file on the host; empty where it has none.
    public var logPath = ""
    public var format = LogFormat.cri
    /// The name of its systemd unit; empty for containers of other kinds.
    public var unit = ""
    /// The runtime's id of it, as journal entries have it; empty for units.
    public var runtimeID = ""
    /// Some of its processes.
    public var processes: [UInt32] = []
    /// Whether it began after `LogSources.newSince`.
    public var isNew = false

    public init(containerID: String, serviceName: String) {
        (self.containerID, self.serviceName) = (containerID, serviceName)
    }
}
