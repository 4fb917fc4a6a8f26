import CEvents
import Foundation
import Metrics
import Testing

extension KernelTests {
    /// From packets of real connections to the counters of requests.
    @Suite struct Requests {
        /// A server that answers every request with what its path says, on one connection after the other.
        private let script = """
            import os, socket, threading
            def serve(a):
                buffer = b''
                while True:
                    while b'\\r\\n\\r\\n' not in buffer:
                        more = a.recv(65536)
                        if not more: return a.close()
                        buffer += more
                    head, _, buffer = buffer.partition(b'\\r\\n\\r\\n')
                    path = head.split()[1].decode().strip('/')
                    if path == 'never': continue
                    a.sendall(b'HTTP/1.1 %s X\\r\\nContent-Length: 5\\r\\n\\r\\nhello' % path.encode())
            s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]
            while not 1024 < port < 32768:
                s.close(); port = 1025 + (port * 7919 + os.getpid()) % 30000
                s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('127.0.0.1', port))
            s.listen(1024)
            def accept():
                while True: threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
            threading.Thread(target=accept, daemon=True).start()
            def ask(c, path, count=1):
                c.sendall(b'GET /%s HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' % path.encode() * count)
                got = b''
                while got.count(b'hello') < count: got += c.recv(65536)

            """

        @Test(arguments: [true, false])
        func countsHTTPExactly(_ countsHTTP: Bool) async throws {
            let rig = try await Rig(countsHTTP: countsHTTP)
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let output = try cgroup.python(
                script + """
                    c = socket.create_connection(('127.0.0.1', port))
                    for i in range(500): ask(c, '200')
                    for i in range(20): ask(c, '404')
                    # Pipelined, and then one at a time again.
                    for i in range(30): ask(c, '503', count=4)
                    for i in range(10): ask(c, '200')
                    c.close()
                    # One request a connection.
                    for i in range(40):
                        c = socket.create_connection(('127.0.0.1', port)); ask(c, '301'); c.close()
                    # Nobody answers.
                    c = socket.create_connection(('127.0.0.1', port)); c.sendall(b'GET /never HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
                    import time; time.sleep(0.2); c.close(); time.sleep(0.1)
                    """)
            #expect(output == "")
            let id = cgroup.containerID
            let expected: [(String, Double)] = [
                ("2xx", 510), ("3xx", 40), ("4xx", 20), ("5xx", 120), ("unanswered", 1),
            ]
            for family in [MetricFamily.containerHttpRequestsTotal, .containerHttpInboundRequestsTotal] {
                for (status, count) in expected {
                    let seen = await rig.wait(family, of: id, ("status", status), for: count)
                    #expect(seen == count, "\(family.name) \(status)")
                }
            }
            for family in [
                MetricFamily.containerHttpRequestsDurationSecondsTotalCount,
                .containerHttpInboundRequestsDurationSecondsTotalCount,
            ] { #expect(await rig.wait(family, of: id, for: 690) == 690) }
            #expect(rig.losses == 0)
        }

        /// Segments of 4,000 bytes, of which 1,024 are captured: the answers tell how many requests were in the rest.
        @Test(arguments: [true, false])
        func countsRequestsThatAreNotCaptured(_ countsHTTP: Bool) async throws {
            let rig = try await Rig(countsHTTP: countsHTTP)
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let output = try cgroup.python(
                script + """
                    c = socket.create_connection(('127.0.0.1', port))
                    for i in range(20):
                        ask(c, '200')
                        c.sendall(b'GET /200 HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n' % (b'x' * 300) * 12)
                        got = b''
                        while got.count(b'hello') < 12: got += c.recv(65536)
                    c.close(); import time; time.sleep(0.1)
                    """)
            #expect(output == "")
            for family in [MetricFamily.containerHttpRequestsTotal, .containerHttpInboundRequestsTotal] {
                let seen = await rig.wait(family, of: cgroup.containerID, ("status", "2xx"), for: 260)
                #expect(seen == 260, "\(family.name)")
            }
            #expect(rig.losses == 0)
        }

        /// A hundred requests in one write, and their answers in another, of 40 kB each: all are read.
        @Test func readsSegmentsOfManyMessages() async throws {
            let rig = try await Rig()
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let output = try cgroup.python(
                script + #"""
                    import time
                    answers = b''.join(b'HTTP/1.1 %d X\r\nContent-Length: 5\r\nX: %s\r\n\r\nhello'
                        % ((200, 404, 503)[i % 3], b'y' * 400) for i in range(100))
                    def answer(a):
                        buffer = b''
                        while True:
                            while buffer.count(b'\r\n\r\n') < 100:
                                more = a.recv(65536)
                                if not more: return
                                buffer += more
                            buffer = b''
                            a.sendall(answers)
                    t = socket.socket(); t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    t.bind(('127.0.0.1', port + 1)); t.listen(8)
                    threading.Thread(target=lambda: answer(t.accept()[0]), daemon=True).start()
                    c = socket.create_connection(('127.0.0.1', port + 1))
                    for i in range(50):
                        c.sendall(b'GET /some HTTP/1.1\r\nHost: %s\r\n\r\n' % (b'x' * (300 if i else 1)) * 100)
                        got = b''
                        while got.count(b'hello') < 100: got += c.recv(65536)
                        # The agent is to find out what is spoken, and not to fall behind.
                        time.sleep(0.02 if i else 0.3)
                    c.close(); time.sleep(0.1)
                    """#)
            #expect(output == "")
            for family in [MetricFamily.containerHttpRequestsTotal, .containerHttpInboundRequestsTotal] {
                for (status, count) in [("2xx", 1700.0), ("4xx", 1650), ("5xx", 1650)] {
                    let seen = await rig.wait(family, of: cgroup.containerID, ("status", status), for: count)
                    #expect(seen == count, "\(family.name) \(status)")
                }
            }
            #expect(rig.losses == 0)
            #expect(await rig.dropped("stream_gaps") == 0)
        }

        /// With a sampling of traces: what is drawn, and what may name a trace, is read; the rest is counted in the kernel.
        @Test(arguments: [0, 0.25, 0.9])
        func handsOverWhatIsDrawn(_ part: Double) async throws {
            let rig = try await Rig(drawnPart: part)
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let output = try cgroup.python(
                script + #"""
                    def say(c, path, fields):
                        c.sendall(b'GET /%s HTTP/1.1\r\nHost: x\r\n%s\r\n' % (path, fields))
                        got = b''
                        while b'hello' not in got: got += c.recv(65536)
                    c = socket.create_connection(('127.0.0.1', port))
                    for i in range(400):
                        ask(c, '200'); ask(c, '404')
                        # No such name, or not at the beginning of a line.
                        say(c, b'200', b'Accept: traceparent\r\nX-C3: b3\r\nTo: y\r\n')
                    # Wherever it stands.
                    for i in range(10):
                        for name in (b'traceparent', b'Traceparent', b'b3', b'B3', b'X-B3-TraceId', b'x-b3-traceid'):
                            say(c, b'301', b'A: %s\r\n%s: 00-11112222333344445555666677778888-1111222233334444-01\r\n' % (b'x' * i, name))
                    c.close(); import time; time.sleep(0.1)
                    """#)
            #expect(output == "")
            let id = cgroup.containerID
            for family in [MetricFamily.containerHttpRequestsTotal, .containerHttpInboundRequestsTotal] {
                for (status, count) in [("2xx", 800.0), ("3xx", 60), ("4xx", 400)] {
                    let seen = await rig.wait(family, of: id, ("status", status), for: count)
                    #expect(seen == count, "\(family.name) \(status)")
                }
            }
            for family in [
                MetricFamily.containerHttpRequestsDurationSecondsTotalCount,
                .containerHttpInboundRequestsDurationSecondsTotalCount,
            ] { #expect(await rig.wait(family, of: id, for: 1260) == 1260) }
            // A request and its answer, at both ends.
            let read = await Double(rig.requests.readSegments) / 4
            let expected = 60 + 1200 * part
            // Five standard deviations.
            #expect(abs(read - expected) <= 5 * (1200 * part * (1 - part)).squareRoot(), "\(read) \(expected)")
            #expect(rig.losses == 0)
            #expect(await rig.dropped("stream_gaps") == 0)
        }

        /// From what is counted, and handed over here and there, to a stream, at every point where that can be.
        @Test(arguments: [0.0, 0.5])
        func goesOnAsAStreamAfterWhatWasDrawn(_ part: Double) async throws {
            let rig = try await Rig(drawnPart: part)
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let output = try cgroup.python(
                script + #"""
                    import time
                    for plain in range(20):
                        # Several at once.
                        c = socket.create_connection(('127.0.0.1', port))
                        for i in range(plain): ask(c, '200')
                        ask(c, '503', count=3); ask(c, '200'); c.close()
                        # A second one before the answer: the server answers /never with nothing, so that the next answer is its.
                        c = socket.create_connection(('127.0.0.1', port))
                        for i in range(plain): ask(c, '200')
                        c.sendall(b'GET /never HTTP/1.1\r\nHost: x\r\n\r\n'); time.sleep(0.01)
                        ask(c, '404'); c.close()
                        # Nobody answers.
                        c = socket.create_connection(('127.0.0.1', port))
                        for i in range(plain): ask(c, '200')
                        c.sendall(b'GET /never HTTP/1.1\r\nHost: x\r\n\r\n'); time.sleep(0.01); c.close()
                    time.sleep(0.1)
                    """#)
            #expect(output == "")
            for family in [MetricFamily.containerHttpRequestsTotal, .containerHttpInboundRequestsTotal] {
                // 3 × (0 + ... + 19) and one more each; what /never was followed by is unanswered in its place.
                for (status, count) in [("2xx", 590.0), ("5xx", 60), ("4xx", 20), ("unanswered", 40)] {
                    let seen = await rig.wait(family, of: cgroup.containerID, ("status", status), for: count)
                    #expect(seen == count, "\(family.name) \(status)")
                }
            }
            #expect(rig.losses == 0)
        }

        /// Every other packet is lost at first: five holes at once are more than are remembered, and what is forgotten is counted.
        @Test func countsWhatIsOvertakenTooOften() async throws {
            let rig = try await Rig(countsHTTP: false)
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let file = FileManager.default.temporaryDirectory.appending(path: "\(cgroup.unit)-holes.py")
            defer { try? FileManager.default.removeItem(at: file) }
            try
                (script.replacingOccurrences(of: "127.0.0.1", with: "10.0.0.5") + """
                    c = socket.create_connection(('10.0.0.5', port)); c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    ask(c, '200')
                    import subprocess, time
                    # Nothing is acknowledged meanwhile: nothing is sent again before all have been sent.
                    rules = 'table ip t { chain c { type filter hook input priority 0; tcp sport %d drop; ' \\
                        'tcp dport %d meta length > 60 numgen inc mod 2 == 0 drop; }; }'
                    subprocess.run(['nft', rules % (port, port)], check=True)
                    for j in range(20): c.sendall(b'GET /200 HTTP/1.1\\r\\nHost: %d\\r\\n\\r\\n' % j)
                    time.sleep(0.1)
                    subprocess.run(['nft', 'delete table ip t'], check=True)
                    got = b''
                    while got.count(b'hello') < 20: got += c.recv(65536)
                    for j in range(5): ask(c, '200')
                    c.close(); time.sleep(0.5)
                    """).write(to: file, atomically: true, encoding: .utf8)
            let output = try cgroup.run(
                "unshare --net sh -ec 'ip link set lo up; ip addr add 10.0.0.5/24 dev lo; exec python3 \(file.path)' 2>&1"
            )
            #expect(output == "")
            // The sender's own packets were all in order.
            let seen = await rig.wait(.containerHttpRequestsTotal, of: cgroup.containerID, ("status", "2xx"), for: 26)
            #expect(seen == 26)
            #expect(rig.losses(MARTLET_LOSS_HOLES) >= 1)
            #expect(rig.losses == rig.losses(MARTLET_LOSS_HOLES))
        }

        /// Lost packets come again, and what followed them comes before them.
        @Test(
            arguments: [false, true],
            // Of what has more than a header, also the very first packet or the one after it.
            ["random mod 100 < 4", "inc mod 13 == 0", "inc mod 13 == 1"])
        func countsThroughLossAndReordering(_ countsHTTP: Bool, _ lost: String) async throws {
            let rig = try await Rig(countsHTTP: countsHTTP)
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let file = FileManager.default.temporaryDirectory.appending(path: "\(cgroup.unit)-loss.py")
            defer { try? FileManager.default.removeItem(at: file) }
            let lossy = script.replacingOccurrences(of: "127.0.0.1", with: "10.0.0.5")
            try
                (lossy + """
                    c = socket.create_connection(('10.0.0.5', port)); c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    for i in range(40):
                        for j in range(10): c.sendall(b'GET /200 HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n' % (b'x' * 40 * j))
                        got = b''
                        while got.count(b'hello') < 10: got += c.recv(65536)
                    c.close(); import time; time.sleep(0.5)
                    retransmits = [l for l in open('/proc/net/snmp') if l.startswith('Tcp:')][1].split()[12]
                    print('retransmits', retransmits)
                    """).write(to: file, atomically: true, encoding: .utf8)
            let rules = """
                table ip t {
                chain c {
                type filter hook input priority 0
                meta length > 60 numgen \(lost) drop
                }
                }
                """
            let output = try cgroup.run(
                """
                unshare --net sh -ec 'ip link set lo up; ip addr add 10.0.0.5/24 dev lo; nft "\(rules)"; exec python3 \(file.path)'
                """)
            let words = output.split(separator: " ")
            #expect(words.first == "retransmits" && (words.last.flatMap { Int($0.dropLast()) } ?? 0) > 5, "\(output)")
            for family in [MetricFamily.containerHttpRequestsTotal, .containerHttpInboundRequestsTotal] {
                let seen = await rig.wait(family, of: cgroup.containerID, ("status", "2xx"), for: 400)
                #expect(seen == 400, "\(family.name)")
            }
        }

        /// Commands that the kernel counts, alone and many at once, and those after which it does not count any more.
        @Test(arguments: [true, false])
        func countsRedisExactly(_ countsInKernel: Bool) async throws {
            let rig = try await Rig(countsHTTP: countsInKernel)
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let output = try cgroup.python(
                """
                import shutil, socket, subprocess, sys, tempfile, time
                if not shutil.which('redis-server'): print('no redis-server'); sys.exit()
                s = socket.socket(); s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]; s.close()
                port = port if port < 32768 else 7000 + port % 20000
                server = subprocess.Popen(['redis-server', '--port', str(port), '--bind', '127.0.0.1', '--save', '',
                    '--dir', tempfile.gettempdir()], stdout=subprocess.DEVNULL)
                def connect():
                    for i in range(200):
                        try: return socket.create_connection(('127.0.0.1', port))
                        except OSError: time.sleep(0.05)
                def command(*words):
                    return b'*%d\\r\\n' % len(words) + b''.join(b'$%d\\r\\n%s\\r\\n' % (len(w), w) for w in words)
                def ask(c, data, lines):
                    c.sendall(data)
                    got = b''
                    while got.count(b'\\n') < lines: got += c.recv(65536)
                    assert got.count(b'\\n') == lines, got
                    return got
                c = connect()
                for i in range(50): ask(c, command(b'SET', b'key:%d' % i, b'x' * (i * 9)), 1)
                for i in range(20): ask(c, command(b'get', b'key:1') * 16, 32)
                for i in range(10): ask(c, command(b'GET', b'none') * 5 + command(b'INCR', b'key:3') * 3, 8)
                # 70 at once are more than the kernel counts in one packet; from here it is a stream.
                ask(c, command(b'PING') * 70, 70)
                for i in range(10): ask(c, command(b'INCR', b'number') * 4, 4)
                c.close()
                # An answer of several elements, and a half command while another waits.
                c = connect()
                for i in range(7): ask(c, command(b'GET', b'none') * 2, 2)
                ask(c, command(b'MGET', b'a', b'b', b'c'), 4)
                c.close()
                c = connect(); c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for i in range(7): ask(c, command(b'GET', b'none'), 1)
                data = command(b'INCR', b'key:3')
                c.sendall(data * 3 + data[:9]); time.sleep(0.05)
                ask(c, data[9:] + data, 5)
                c.close()
                # Nobody answers.
                c = connect(); ask(c, command(b'PING'), 1)
                server.send_signal(19); c.sendall(command(b'GET', b'a') * 3); time.sleep(0.2); c.close(); time.sleep(0.2)
                server.kill(); server.wait()
                """)
            if output.hasPrefix("no redis-server") { try Test.cancel("redis-server is not installed") }
            #expect(output == "")
            let ok: Double = 50 + 320 + 50 + 70 + 40 + 14 + 1 + 7 + 1
            let id = cgroup.containerID
            for (status, count) in [("ok", ok), ("failed", 30 + 5), ("unanswered", 3)] {
                let seen = await rig.wait(.containerRedisQueriesTotal, of: id, ("status", status), for: count)
                #expect(seen == count, "outbound \(status)")
            }
            for (status, count) in [("ok", ok), ("failed", 30 + 5)] {
                let seen = await rig.wait(.containerRedisInboundQueriesTotal, of: id, ("status", status), for: count)
                #expect(seen == count, "inbound \(status)")
            }
            #expect(await rig.wait(.containerRedisQueriesDurationSecondsTotalCount, of: id, for: ok + 35) == ok + 35)
            #expect(rig.losses == 0)
        }

        @Test func followsConnectionsThatAreOlder() async throws {
            let cgroup = try TestCgroup()
            let marker = FileManager.default.temporaryDirectory.appending(path: "\(cgroup.unit).go")
            defer { try? FileManager.default.removeItem(at: marker) }
            let file = FileManager.default.temporaryDirectory.appending(path: "\(cgroup.unit)-old.py")
            defer { try? FileManager.default.removeItem(at: file) }
            try
                (script + """
                    c = socket.create_connection(('127.0.0.1', port)); ask(c, '200')
                    print('ready', flush=True)
                    import time
                    while not os.path.exists('\(marker.path)'): time.sleep(0.05)
                    for i in range(25): ask(c, '200')
                    time.sleep(0.2)
                    """).write(to: file, atomically: true, encoding: .utf8)
            let (process, output) = try cgroup.start("exec python3 \(file.path)")
            #expect(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).hasPrefix("ready"))
            let rig = try await Rig()
            defer { rig.stop() }
            try await rig.start()
            // Attributed once the process is found.
            try await Task.sleep(for: .milliseconds(500))
            try Data().write(to: marker)
            process.waitUntilExit()
            for family in [MetricFamily.containerHttpRequestsTotal, .containerHttpInboundRequestsTotal] {
                #expect(await rig.wait(family, of: cgroup.containerID, for: 25) == 25, "\(family.name)")
            }
        }

        @Test func countsDatagramsOfDNS() async throws {
            let rig = try await Rig()
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let output = try cgroup.python(
                """
                import socket, struct, threading
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))
                def serve():
                    while True:
                        q, a = s.recvfrom(4096)
                        rcode = 3 if b'missing' in q else 0
                        answer = b'' if rcode else b'\\xc0\\x0c' + struct.pack('!HHIH', 1, 1, 60, 4) + bytes([10, 1, 2, 3])
                        head = q[:2] + struct.pack('!HHHHH', 0x8180 | rcode, 1, 0 if rcode else 1, 0, 0)
                        s.sendto(head + q[12:] + answer, a)
                threading.Thread(target=serve, daemon=True).start()
                c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                def ask(number, name):
                    labels = b''.join(bytes([len(l)]) + l for l in name.split(b'.')) + b'\\0'
                    c.sendto(struct.pack('!HHHHHH', number, 0x100, 1, 0, 0, 0) + labels + struct.pack('!HH', 1, 1), s.getsockname())
                    c.recv(4096)
                for i in range(60): ask(i, b'shop.example.com')
                for i in range(15): ask(i, b'missing.example.com')
                # Neither of these is DNS.
                for i in range(50): c.sendto(bytes([i, 7]) * 20, s.getsockname())
                """)
            #expect(output == "")
            let id = cgroup.containerID
            #expect(await rig.wait(.containerDnsRequestsTotal, of: id, ("domain", "shop.example.com"), for: 60) == 60)
            #expect(await rig.wait(.containerDnsRequestsTotal, of: id, ("status", "nxdomain"), for: 15) == 15)
            #expect(await rig.wait(.containerDnsRequestsTotal, of: id, ("request_type", "TypeA"), for: 75) == 75)
            #expect(await rig.wait(.containerDnsRequestsDurationSecondsTotalCount, of: id, for: 75) == 75)
            #expect(await rig.wait(.containerDnsInboundRequestsTotal, of: id, for: 75) == 75)
        }

        /// 190 MB of random bytes in 40 connections; `MARTLET_NOISE_CONNECTIONS=210` makes it 1 GB.
        @Test func noiseIsNoProtocol() async throws {
            let connections = Int(ProcessInfo.processInfo.environment["MARTLET_NOISE_CONNECTIONS"] ?? "") ?? 40
            let rig = try await Rig()
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let output = try cgroup.python(
                script.components(separatedBy: "s.listen")[0] + """
                    s.listen(1024)
                    def drain():
                        while True:
                            a = s.accept()[0]
                            try:
                                while a.recv(1 << 20): a.send(os.urandom(300))
                            except ConnectionError: pass
                    threading.Thread(target=drain, daemon=True).start()
                    sent = 0
                    for i in range(\(connections)):
                        c = socket.create_connection(('127.0.0.1', port))
                        left, j = 4750000, 0
                        while left:
                            piece = min(left, 1 + (j * j * j * 97) % 65536)
                            c.sendall(os.urandom(piece))
                            left, j, sent = left - piece, j + 1, sent + piece
                        c.close()
                    print(sent)
                    """)
            #expect(output == "\(connections * 4_750_000)\n")
            _ = await rig.wait(.containerNetTcpActiveConnections, of: cgroup.containerID, for: 0)
            let snapshot = await rig.registry.snapshot().series
            for family in MetricFamily.allCases where family.histogramPart == .count {
                #expect(
                    snapshot[family].allSatisfy { $0.labels["container_id"] != cgroup.containerID }, "\(family.name)")
            }
        }
    }
}
