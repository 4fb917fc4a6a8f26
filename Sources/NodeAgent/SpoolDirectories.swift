import Glibc
import Linux
import Wire

/// Which directory holds what waits for which receiver: `metrics`, `metrics-2` and so on. A file `owner` in each names the
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

    init(below parent: String, owners: [String]) {
        var free = Self.existing(parent)
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
            while taken.contains(Self.path(parent, number)) { number += 1 }
            taken.insert(Self.path(parent, number))
            found[index] = Directory(path: Self.path(parent, number), owner: owner)
        }
        assigned = found.compactMap(\.self)
        abandoned = free.filter { directory in
            ((try? Linux.Directory.names(directory.path)) ?? []).contains { $0.hasSuffix(".seg") }
        }
    }

    private static func path(_ parent: String, _ number: Int) -> String {
        "\(parent)/metrics\(number == 1 ? "" : "-\(number)")"
    }

    /// In the order of their numbers. One without a mark is of an agent that knew only remote write.
    private static func existing(_ parent: String) -> [Directory] {
        let numbers = ((try? Linux.Directory.names(parent)) ?? []).compactMap { name -> Int? in
            if name == "metrics" { return 1 }
            guard name.hasPrefix("metrics-"), let number = Int(name.dropFirst(8)), number > 1 else { return nil }
            return number
        }
        return numbers.sorted().map { number in
            let text = try? SmallFile.text(path(parent, number) + "/" + ownerFile)
            let owner = text?.split(separator: "\n").first.map(String.init)
            return Directory(path: path(parent, number), owner: owner ?? MetricsProtocol.remoteWrite.spoolFamily)
        }
    }

    private static func family(_ owner: String) -> Substring { owner.prefix { $0 != " " } }
}

extension MetricsProtocol {
    /// Protocols of one family can be sent to the same URL.
    var spoolFamily: String { self == .otlp ? "otlp" : "remote-write" }
}
