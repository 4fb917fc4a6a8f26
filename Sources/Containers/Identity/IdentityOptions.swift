/// What the user chose about ids and labels of containers.
public struct IdentityOptions: Sendable, Hashable {
    /// `--user-services`: services of users' own systemds are reported.
    public var userServices = false
    /// `--compose-app-id`: containers of a compose project have `/compose/PROJECT/SERVICE` as `app_id`.
    public var composeAppID = false
    /// `--container-label`: labels of the runtime that are copied to `container_info`.
    public var labels: [ContainerLabel] = []

    public init() {}

    /// Whether labels matter beyond those that every container is identified by.
    public var needsLabels: Bool { composeAppID || !labels.isEmpty }
}
