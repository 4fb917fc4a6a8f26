internal import Glibc
public import Host
public import Linux

/// One echo request to each of many addresses, from inside many network namespaces, and the times of the answers.
///
/// Runs on a thread of its own, which enters one namespace after the other to make the sockets and ends afterwards. Sockets
/// live for one round: nothing is held between rounds, and no namespace is kept alive.
///
/// Bounded: `maximumAddresses` a namespace, `maximumRequests` a round, `namespacesAtOnce` namespaces (twice as many sockets),
/// `wait` after the last request of those.
public enum EchoRound {
    public static let maximumAddresses = 256
    public static let maximumRequests = 16_384
    private static let namespacesAtOnce = 64
    /// As coroot-node-agent waits.
    private static let wait: UInt64 = 300_000_000
    /// Requests in a row; then answers are taken and a millisecond goes by.
    private static let burst = 32

    /// The addresses to ask from one namespace.
    public struct Group: ~Copyable {
        let namespace: FileDescriptor
        let addresses: [IPAddress]

        public init(namespace: consuming FileDescriptor, addresses: [IPAddress]) {
            self.namespace = namespace
            self.addresses = addresses
        }
    }

    /// What became of one address.
    public enum Outcome: Sendable, Equatable {
        /// Round-trip time in nanoseconds.
        case answered(UInt64)
        case silent
        /// No socket could be made, or no request be sent.
        case impossible
    }

    private struct Request {
        let address: IPAddress
        let cookie: UInt64
        /// CLOCK_REALTIME, the clock of the kernel's time stamps.
        var sentAt: UInt64 = 0
        var outcome = Outcome.impossible
    }

    private final class Site {
        let four: EchoSocket?
        let six: EchoSocket?
        var requests: [Request]

        init(four: consuming EchoSocket?, six: consuming EchoSocket?, requests: [Request]) {
            self.four = four
            self.six = six
            self.requests = requests
        }
    }

    /// Asks all addresses of each group and returns the outcomes in the order of the groups. The calling thread is in another
    /// network namespace afterwards: it must end soon, and run nothing else.
    public static func run(count: Int, _ group: (Int) -> Group?) -> [[IPAddress: Outcome]] {
        var results: [[IPAddress: Outcome]] = []
        var left = maximumRequests
        var index = 0
        while index < count {
            let end = min(index + namespacesAtOnce, count)
            var sites: [Site] = []
            for number in index..<end {
                let site = open(group(number), limit: min(left, maximumAddresses))
                left -= site.requests.count
                sites.append(site)
            }
            ask(sites)
            for site in sites {
                results.append(
                    Dictionary(site.requests.map { ($0.address, $0.outcome) }, uniquingKeysWith: { first, _ in first }))
            }
            index = end
        }
        return results
    }

    private static func open(_ group: consuming Group?, limit: Int) -> Site {
        guard let group = group.take() else { return Site(four: nil, six: nil, requests: []) }
        var generator = SystemRandomNumberGenerator()
        let requests = group.addresses.prefix(limit).map {
            Request(address: $0, cookie: UInt64.random(in: 1...(.max), using: &generator))
        }
        do throws(Errno) {
            try NetworkNamespace.enter(group.namespace)
        } catch {
            return Site(four: nil, six: nil, requests: requests)
        }
        let four = requests.contains { !$0.address.isIPv6 } ? try? EchoSocket(isIPv6: false) : nil
        let six = requests.contains { $0.address.isIPv6 } ? try? EchoSocket(isIPv6: true) : nil
        return Site(four: four, six: six, requests: requests)
    }

    private static func ask(_ sites: [Site]) {
        let identifier = UInt16.random(in: 1...(.max))
        var sent = 0
        for site in sites {
            for index in site.requests.indices {
                let request = site.requests[index]
                let message = EchoMessage(
                    identifier: identifier, sequence: UInt16(index), cookie: request.cookie)
                site.requests[index].sentAt = MonotonicClock.wallTime()
                do throws(Errno) {
                    if request.address.isIPv6 {
                        guard site.six != nil else { continue }
                        try site.six?.send(message, to: request.address)
                    } else {
                        guard site.four != nil else { continue }
                        try site.four?.send(message, to: request.address)
                    }
                    site.requests[index].outcome = .silent
                } catch {
                    continue
                }
                sent += 1
                if sent % burst == 0 {
                    for site in sites { receive(site, identifier) }
                    usleep(1000)
                }
            }
        }
        if sent == 0 { return }
        let deadline = MonotonicClock.now() + wait
        while sites.contains(where: { $0.requests.contains { $0.outcome == .silent } }) {
            let now = MonotonicClock.now()
            guard now < deadline else { return }
            var polled: [pollfd] = []
            for site in sites where site.requests.contains(where: { $0.outcome == .silent }) {
                if let raw = site.four?.pollDescriptor() {
                    polled.append(pollfd(fd: raw, events: Int16(POLLIN), revents: 0))
                }
                if let raw = site.six?.pollDescriptor() {
                    polled.append(pollfd(fd: raw, events: Int16(POLLIN), revents: 0))
                }
            }
            let milliseconds = Int32((deadline - now + 999_999) / 1_000_000)
            if poll(&polled, nfds_t(polled.count), milliseconds) <= 0, errno != EINTR { return }
            for site in sites { receive(site, identifier) }
        }
    }

    /// Takes at most some packets: a flood of them must not hold the round.
    private static func receive(_ site: Site, _ identifier: UInt16) {
        for _ in 0..<1024 {
            guard let result = site.four?.receive(), !result.isEmpty else { break }
            if let reply = result.reply { note(reply, site, identifier) }
        }
        for _ in 0..<1024 {
            guard let result = site.six?.receive(), !result.isEmpty else { break }
            if let reply = result.reply { note(reply, site, identifier) }
        }
    }

    /// Only the address that was asked may answer, with the cookie that it was sent, and once.
    private static func note(_ reply: EchoSocket.Reply, _ site: Site, _ identifier: UInt16) {
        let index = Int(reply.message.sequence)
        guard reply.message.identifier == identifier, index < site.requests.count else { return }
        let request = site.requests[index]
        guard request.cookie == reply.message.cookie, request.address == reply.source, request.outcome == .silent else {
            return
        }
        // The clock may be set meanwhile.
        let time = reply.time > request.sentAt ? reply.time - request.sentAt : 0
        site.requests[index].outcome = time <= 2 * wait ? .answered(time) : .silent
    }
}
