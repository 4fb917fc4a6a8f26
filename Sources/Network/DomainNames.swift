public import Host
internal import Linux

/// Names that addresses were resolved from, for the whole node: what DNS answers are put into, and what destinations are
/// named by.
///
/// An address keeps the name of the last answer. A name whose addresses are several and all external stands for its
/// addresses in destinations (a CDN's addresses change all the time); of any other name the addresses are shown
/// (`ip_to_fqdn`).
///
/// Invariants: used on the events lane only; at most `maximumAddresses` addresses and `maximumNames` names.
public final class DomainNames: @unchecked Sendable {
    // Sendable because of the first invariant: containers and signals of one lane share it.

    public static let maximumAddresses = 16_384
    public static let maximumNames = 8_192
    /// More addresses than this of one answer are left out.
    public static let maximumAnswers = 64

    private struct Entry {
        let name: UInt32
        /// Whether destinations take the name rather than the address.
        let replaces: Bool
        /// CLOCK_MONOTONIC of the answer.
        let at: UInt64
    }

    private var entries: [IPAddress: Entry] = [:]
    /// By number; 0 is no name.
    private var names: [String] = [""]
    private var numbers: [String: UInt32] = [:]
    /// Answers that found no room.
    private(set) public var dropped: UInt64 = 0

    public init() {}

    public var isEmpty: Bool { entries.isEmpty }
    public var count: Int { entries.count }

    /// An answer to a question for `name`, which is normalised here. `now` is CLOCK_MONOTONIC.
    public func record(_ name: String, addresses: [IPAddress], now: UInt64) {
        let addresses = addresses.prefix(Self.maximumAnswers)
        guard !addresses.isEmpty, let number = number(DomainName.normalised(name)) else { return }
        let replaces = addresses.count > 1 && addresses.allSatisfy(\.isExternal)
        for address in addresses {
            guard entries[address] != nil || entries.count < Self.maximumAddresses else {
                dropped &+= 1
                continue
            }
            entries[address] = Entry(name: number, replaces: replaces, at: now)
        }
    }

    private func number(_ name: String) -> UInt32? {
        if let known = numbers[name] { return known }
        guard names.count < Self.maximumNames else {
            dropped &+= 1
            return nil
        }
        numbers[name] = UInt32(names.count)
        names.append(name)
        return UInt32(names.count - 1)
    }

    /// The number of the name that stands for a destination; 0 if its address does.
    public func name(replacing destination: IPAddress, actual: IPAddress) -> UInt32 {
        guard actual.isExternal, let entry = entries[destination], entry.replaces else { return 0 }
        return entry.name
    }

    /// The text of a name; empty for 0.
    public func text(_ number: UInt32) -> String {
        Int(number) < names.count ? names[Int(number)] : ""
    }

    /// Addresses that are shown with their names.
    public func forEachShown(_ body: (IPAddress, String) -> Void) {
        for (address, entry) in entries where !entry.replaces { body(address, text(entry.name)) }
    }

    /// Drops answers that are older than `limit` (CLOCK_MONOTONIC) and whose address is no destination any more, and then
    /// the names that nothing uses: those in `used` are destinations' own.
    public func collectGarbage(olderThan limit: UInt64, isDestination: (IPAddress) -> Bool, used: Set<UInt32>) {
        entries = entries.filter { $0.value.at >= limit || isDestination($0.key) }
        guard names.count > Self.maximumNames / 2 else { return }
        // Numbers stay: destinations hold them. Only the highest are given back.
        var highest = used.max() ?? 0
        for entry in entries.values { highest = max(highest, entry.name) }
        while names.count > Int(highest) + 1 { numbers[names.removeLast()] = nil }
    }
}
