import CLinux
import Glibc
import Kernel
import Linux

/// Gives up what the agent does not need any more: capabilities, the user, system calls.
///
/// Invariant: it happens while the process has one thread, so that every later thread inherits the result; nothing is left to
/// be changed thread by thread. What the kernel says afterwards is read back, and the agent ends if it is something else.
struct PrivilegeDrop {
    /// The user and groups to become.
    struct User: Sendable, Equatable {
        var id: UInt32
        var group: UInt32
        var groups: [UInt32]
    }

    /// Nil: all that the process has.
    let kept: Set<Capabilities.Name>?
    let user: User?
    let filtersSystemCalls: Bool

    /// - Parameter needed: what the agent keeps if the configuration does not say otherwise.
    init(_ configuration: Configuration, needed: Set<Capabilities.Name>) throws(PrivilegeError) {
        kept = configuration.dropsPrivileges ? configuration.keptCapabilities ?? needed : nil
        filtersSystemCalls = configuration.filtersSystemCalls
        user = try configuration.runAs.map { text throws(PrivilegeError) in try Self.find(text) }
    }

    /// Does it. Returns a line for the log.
    func apply() throws(PrivilegeError) -> String {
        guard (try? Directory.names("/proc/self/task"))?.count == 1 else {
            throw PrivilegeError("cannot give up privileges: the process has more than one thread already")
        }
        if let user {
            guard martlet_change_user(user.id, user.group, user.groups, Int32(user.groups.count)) == 0,
                martlet_use_capabilities(.max) == 0
            else {
                throw PrivilegeError("cannot become user \(user.id): \(Errno.last); it needs CAP_SETUID and CAP_SETGID")
            }
        }
        var parts: [String] = []
        if let kept {
            let result = martlet_keep_capabilities(Capabilities.mask(kept))
            guard result >= 0 else { throw PrivilegeError("cannot give up capabilities: \(Errno.last)") }
            parts.append("keeps \(Self.list(kept))")
            if result == 1 { parts.append("the bounding set stays without CAP_SETPCAP") }
        }
        if let user { parts.append("runs as user \(user.id), group \(user.group)") }
        if filtersSystemCalls { parts.append("\(try Self.filterSystemCalls()) system calls are allowed") }
        try verify()
        return parts.joined(separator: "; ")
    }

    /// Compares every thread of the process with what was asked for.
    func verify() throws(PrivilegeError) {
        for thread in (try? Directory.names("/proc/self/task")) ?? [] {
            // A thread may end meanwhile.
            guard let text = try? SmallFile.text("/proc/self/task/\(thread)/status") else { continue }
            let status = ThreadStatus(text)
            guard kept.map({ status.hasNothing(but: Capabilities.mask($0)) }) ?? true,
                user.map({ status.users == [$0.id] }) ?? true, !filtersSystemCalls || status.isFiltered
            else { throw PrivilegeError("thread \(thread) (\(status.name)) has more privileges than it should") }
        }
    }

    /// Has the kernel refuse all system calls that the agent does not use. Returns how many stay.
    static func filterSystemCalls() throws(PrivilegeError) -> Int32 {
        let count = martlet_filter_system_calls()
        guard count > 0 else { throw PrivilegeError("cannot filter system calls: \(Errno.last)") }
        return count
    }

    static func list(_ names: Set<Capabilities.Name>) -> String {
        names.isEmpty
            ? "no capability" : names.sorted { $0.rawValue < $1.rawValue }.map(\.text).joined(separator: ", ")
    }

    /// `NAME`, `UID`, either with `:GROUP` or `:GID`. A number needs no entry in /etc/passwd; its group is the same number
    /// unless one is given.
    static func find(_ text: String) throws(PrivilegeError) -> User {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var user: User
        if let id = UInt32(parts[0]) {
            user = User(id: id, group: id, groups: [])
        } else {
            var groups = [UInt32](repeating: 0, count: 64)
            var (id, group): (UInt32, UInt32) = (0, 0)
            let count = martlet_find_user(parts[0], &id, &group, &groups, Int32(groups.count))
            guard count >= 0 else { throw PrivilegeError("there is no user \(UsageError.quoted(parts[0]))") }
            user = User(id: id, group: group, groups: Array(groups.prefix(Int(count))))
        }
        if parts.count == 2 {
            if let id = UInt32(parts[1]) {
                user.group = id
            } else {
                guard martlet_find_group(parts[1], &user.group) == 0 else {
                    throw PrivilegeError("there is no group \(UsageError.quoted(parts[1]))")
                }
            }
        }
        return user
    }
}
