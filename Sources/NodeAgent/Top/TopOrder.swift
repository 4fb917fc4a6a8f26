/// By what the live view is sorted, the largest first; the raw values are the keys that choose it.
enum TopOrder: String, CaseIterable, Sendable {
    case cpu = "c"
    case memory = "m"
    case network = "n"
}
