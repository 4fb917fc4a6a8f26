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
    }
}
