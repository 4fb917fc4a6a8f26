/// Whether a feature runs, and if not, why.
public struct FeatureState: Sendable {
    public let feature: Feature
    public let isEnabled: Bool
    /// One line; empty where the feature runs.
    public let reason: String
}
