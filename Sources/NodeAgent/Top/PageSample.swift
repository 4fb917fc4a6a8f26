/// One line of a metrics page.
struct PageSample: Hashable, Sendable {
    let name: String
    let labels: [String: String]
    let value: Double
}
