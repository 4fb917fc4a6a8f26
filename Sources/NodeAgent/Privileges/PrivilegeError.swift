/// Why privileges could not be given up, in one line.
struct PrivilegeError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
