import Glibc
import Linux
import Wire

/// Which directory holds what waits for which receiver: `metrics`, `metrics-2` and so on, and likewise for logs and traces. A file `owner` in each names the
/// receiver, so that another order of the options changes nothing.
///
/// A receiver without a directory takes over one whose receiver is not named any more, if the protocol is of the same family:
/// a URL was corrected, or a server moved. Only then does it get a new one.
struct SpoolDirectories {
    struct Directory: Equatable {
        let path: String
        /// Family of protocols and URL, without user and query.
        let owner: String

        /// Writes down whose it is. A failure shows as soon as something is spooled.
        func mark() {
            let text = Array((owner + "\n").utf8)
            guard (try? SmallFile.text(path + "/" + SpoolDirectories.ownerFile)) != owner else { return }
            let descriptor = Glibc.open(
                path + "/" + SpoolDirectories.ownerFile, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o640)
            guard descriptor >= 0 else { return }
            _ = write(descriptor, text, text.count)
            close(descriptor)
        }
    }

    private static let ownerFile = "owner"

    /// For each receiver, in their order.
    private(set) var assigned: [Directory] = []
    /// Those with requests for a receiver that is not named.
    private(set) var abandoned: [Directory] = []

    /// - Parameter name: of the first directory.
    init(below parent: String, name: String = "metrics", owners: [String]) {
        var free = Self.existing(parent, name)
        var found = [Directory?](repeating: nil, count: owners.count)
        for (index, owner) in owners.enumerated() {
            guard let match = free.firstIndex(where: { $0.owner == owner }) else { continue }
            found[index] = free.remove(at: match)
        }
        for (index, owner) in owners.enumerated() where found[index] == nil {
            guard let match = free.firstIndex(where: { Self.family($0.owner) == Self.family(owner) }) else { continue }
            found[index] = Directory(path: free.remove(at: match).path, owner: owner)
        }
        var taken = Set(found.compactMap(\.?.path) + free.map(\.path))
        for (index, owner) in owners.enumerated() where found[index] == nil {
            var number = 1
            while taken.contains(Self.path(parent, name, number)) { number += 1 }
            taken.insert(Self.path(parent, name, number))
            found[index] = Directory(path: Self.path(parent, name, number), owner: owner)
        }
        assigned = found.compactMap(\.self)
        abandoned = free.filter { directory in
            ((try? Linux.Directory.names(directory.path)) ?? []).contains { $0.hasSuffix(".seg") }
        }
    }

    private static func path(_ parent: String, _ name: String, _ number: Int) -> String {
        "\(parent)/\(name)\(number == 1 ? "" : "-\(number)")"
    }

    /// In the order of their numbers. One without a mark is of an agent that knew only remote write.
    private static func existing(_ parent: String, _ name: String) -> [Directory] {
        let prefix = name + "-"
        let numbers = ((try? Linux.Directory.names(parent)) ?? []).compactMap { entry -> Int? in
            if entry == name { return 1 }
            guard entry.hasPrefix(prefix), let number = Int(entry.dropFirst(prefix.count)), number > 1 else {
                return nil
            }
            return number
        }
        return numbers.sorted().map { number in
            let text = try? SmallFile.text(path(parent, name, number) + "/" + ownerFile)
            let owner = text?.split(separator: "\n").first.map(String.init)
            return Directory(path: path(parent, name, number), owner: owner ?? MetricsProtocol.remoteWrite.spoolFamily)
        }
    }

    private static func family(_ owner: String) -> Substring { owner.prefix { $0 != " " } }
}

extension MetricsProtocol {
    /// Protocols of one family can be sent to the same URL.
    var spoolFamily: String { self == .otlp ? "otlp" : "remote-write" }
}
