/// Where a value was set.
enum SettingOrigin: Hashable, Sendable {
    case flag
    case environment
    case file(path: String, line: Int)
}
