import Foundation
import Host
import Linux
import Network
import Testing

extension KernelTests {
    /// Real echo requests in a network namespace of the test's own.
    @Suite struct EchoTests {
        private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text: text)) }

        /// One round from inside `network`, on a thread that ends with it.
        private func ask(_ network: PrivateNetwork, _ addresses: [IPAddress]) async -> [IPAddress: EchoRound.Outcome] {
            let pid = network.pid
            return await withCheckedContinuation { continuation in
                PosixThread.start(name: "echo") {
                    let outcomes = EchoRound.run(count: 1) { _ in
                        guard let namespace = try? NetworkNamespace.descriptor(pid: pid) else { return nil }
                        return EchoRound.Group(namespace: namespace, addresses: addresses)
                    }
                    continuation.resume(returning: outcomes.first ?? [:])
                }
            }
        }

        @Test func answersAndSilence() async throws {
            let network = try PrivateNetwork(port: 9000)
            let (here, six, nobody, unreachable) = (
                try address(PrivateNetwork.actual), try address("::1"), try address("10.96.0.77"),
                try address("192.0.2.1")
            )
            let start = MonotonicClock.now()
            let outcomes = await ask(network, [here, six, nobody, unreachable])
            for answered in [here, six] {
                guard case .answered(let nanoseconds) = outcomes[answered] else {
                    Issue.record("\(answered): \(String(describing: outcomes[answered]))")
                    continue
                }
                #expect(nanoseconds < 100_000_000)
            }
            #expect(outcomes[nobody] == .silent)
            #expect(outcomes[unreachable] == .impossible)
            #expect(MonotonicClock.now() - start < 2_000_000_000)
        }

        /// Replies with another cookie, another number or from another address, and noise, are no answers.
        @Test func forgedRepliesAreNoAnswers() async throws {
            let network = try PrivateNetwork(port: 9000)
            let forger = Process()
            forger.executableURL = URL(fileURLWithPath: "/usr/bin/nsenter")
            let program = """
                import socket, struct
                open('/proc/sys/net/ipv4/icmp_echo_ignore_all', 'w').write('1')
                def total(b):
                    s = sum(struct.unpack('!%dH' % (len(b) // 2), b))
                    while s > 0xffff: s = (s & 0xffff) + (s >> 16)
                    return ~s & 0xffff
                raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
                def out(source):
                    o = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
                    o.bind((source, 0)); return o
                right, wrong = out('\(PrivateNetwork.actual)'), out('127.0.0.1')
                def send(o, body):
                    body = body[:2] + b'\\0\\0' + body[4:]
                    o.sendto(body[:2] + struct.pack('!H', total(body)) + body[4:], ('\(PrivateNetwork.actual)', 0))
                print('ready', flush=True)
                while True:
                    packet = raw.recv(2048)[20:]
                    if packet[0] != 8: continue
                    print('seen', flush=True)
                    reply = b'\\0\\0' + packet[2:]
                    send(wrong, reply)                                             # right, but from elsewhere
                    send(right, reply[:8] + b'\\0' * 8 + reply[16:])                # without the cookie
                    send(right, reply[:6] + struct.pack('!H', 99) + reply[8:])     # another number
                    send(right, reply[:4] + b'\\0\\0' + reply[6:])                   # another round
                    send(right, reply[:16])                                        # cut
                    right.sendto(reply[:-2] + b'zz', ('\(PrivateNetwork.actual)', 0))  # a wrong sum
                """
            forger.arguments = ["--net=/proc/\(network.pid)/ns/net", "python3", "-c", program]
            let output = Pipe()
            forger.standardOutput = output
            try forger.run()
            defer {
                kill(forger.processIdentifier, SIGKILL)
                forger.waitUntilExit()
            }
            #expect(output.line() == "ready")
            let target = try address(PrivateNetwork.actual)
            #expect(await ask(network, [target])[target] == .silent)
            kill(forger.processIdentifier, SIGKILL)
            let printed = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            #expect(printed.contains("seen"))
        }
    }
}
