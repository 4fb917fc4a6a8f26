/// The privileges of a thread, as /proc/PID/task/TID/status shows them (proc(5)). What is not there counts as everything.
struct ThreadStatus {
    private(set) var name = ""
    private(set) var permitted = UInt64.max
    private(set) var effective = UInt64.max
    private(set) var inheritable = UInt64.max
    private(set) var ambient = UInt64.max
    private(set) var hasNoNewPrivileges = false
    private(set) var isFiltered = false
    /// Real, effective, saved and file-system user ids.
    private(set) var users: Set<UInt32> = []

    /// Whether the thread has no capability outside `mask` and can gain none.
    func hasNothing(but mask: UInt64) -> Bool {
        (permitted | effective) & ~mask == 0 && inheritable == 0 && ambient == 0 && hasNoNewPrivileges
    }

    init(_ text: String) {
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let fields = line[line.index(after: colon)...].split { $0 == " " || $0 == "\t" }
            guard let value = fields.first else { continue }
            let bits = UInt64(value, radix: 16) ?? .max
            switch line[..<colon] {
            case "Name": name = String(value)
            case "CapPrm": permitted = bits
            case "CapEff": effective = bits
            case "CapInh": inheritable = bits
            case "CapAmb": ambient = bits
            case "NoNewPrivs": hasNoNewPrivileges = value == "1"
            case "Seccomp": isFiltered = value == "2"
            case "Uid": users = Set(fields.compactMap { UInt32($0) })
            default: break
            }
        }
    }
}
