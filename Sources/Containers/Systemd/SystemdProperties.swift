/// What systemd says about a unit.
public struct SystemdProperties: Sendable, Hashable {
    /// `Type`: `simple`, `notify`, `oneshot`, `dbus`…
    public var type: String
    /// The first unit of `TriggeredBy`, empty if none.
    public var triggeredBy: String

    public init(type: String = "", triggeredBy: String = "") {
        self.type = type
        self.triggeredBy = triggeredBy
    }
}
