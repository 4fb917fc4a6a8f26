import Foundation
import Linux
import Metrics
import Ring
import Testing

extension KernelTests {
    /// From system calls of real processes to the values of real series.
    @Suite struct Events {
        private let server = """
            import os, socket
            s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]; s.close()
            while not 1024 < port < 32768:
                port = 1025 + (port * 7919 + os.getpid()) % 30000
            s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(('127.0.0.1', port)); s.listen(1024)

            """

        @Test(arguments: [Lane.Backend.uring, .epoll])
        func countsConnectionsExactly(_ backend: Lane.Backend) async throws {
            let rig = try await Rig(backend: backend)
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let output = try cgroup.python(
                server + """
                    for i in range(1000):
                        c = socket.create_connection(('127.0.0.1', port)); a, _ = s.accept()
                        c.sendall(b'x' * 100); a.recv(100, socket.MSG_WAITALL)
                        a.sendall(b'y' * 7); c.recv(7, socket.MSG_WAITALL)
                        c.close(); a.close()
                    s.close()
                    for i in range(300):
                        try: socket.create_connection(('127.0.0.1', port)); print('connected?')
                        except ConnectionRefusedError: pass
                    """)
            #expect(output == "")
            let id = cgroup.containerID
            #expect(await rig.wait(.containerNetTcpSuccessfulConnectsTotal, of: id, for: 1000) == 1000)
            #expect(await rig.wait(.containerNetTcpFailedConnectsTotal, of: id, for: 300) == 300)
            #expect(await rig.wait(.containerNetTcpActiveConnections, of: id, for: 0) == 0)
            #expect(await rig.wait(.containerNetTcpBytesSentTotal, of: id, for: 100_000) == 100_000)
            #expect(await rig.wait(.containerNetTcpBytesReceivedTotal, of: id, for: 7_000) == 7_000)
            #expect(await rig.wait(.martletContainerAcceptedConnectionsTotal, of: id, for: 1000) == 1000)
            let received = await rig.wait(
                .martletContainerInboundBytesTotal, of: id, ("direction", "received"), for: 100_000)
            #expect(received == 100_000)
            #expect(await rig.wait(.containerNetTcpListenInfo, of: id, for: 0) == 0)
            #expect(rig.losses == 0)
        }

        @Test func bytesAreTheSocketsWhateverTheCall() async throws {
            let rig = try await Rig()
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let output = try cgroup.python(
                server + """
                    import tempfile, threading
                    total = 0
                    f = tempfile.TemporaryFile(); f.write(os.urandom(300001)); f.flush()
                    def sink(a):
                        while a.recv(65536): pass
                        a.close()
                    c = socket.create_connection(('127.0.0.1', port)); a, _ = s.accept()
                    t = threading.Thread(target=sink, args=(a,)); t.start()
                    n = 0
                    while n < 300001: n += os.sendfile(c.fileno(), f.fileno(), n, 300001 - n)
                    r, w = os.pipe()
                    for i in range(10):
                        os.write(w, b'z' * 4000); k = 0
                        while k < 4000: k += os.splice(r, c.fileno(), 4000 - k)
                    c.sendmsg([b'a' * 10, b'b' * 11]); os.writev(c.fileno(), [b'c' * 12, b'd' * 13]); c.send(b'e' * 14)
                    c.close(); t.join()
                    """)
            #expect(output == "")
            let expected = 300_001.0 + 40_000 + 60
            #expect(await rig.wait(.containerNetTcpActiveConnections, of: cgroup.containerID, for: 0) == 0)
            #expect(await rig.wait(.containerNetTcpBytesSentTotal, of: cgroup.containerID, for: expected) == expected)
            let received = await rig.value(
                .martletContainerInboundBytesTotal, of: cgroup.containerID, ("direction", "received"))
            #expect(received == expected)
        }

        @Test func openConnectionsGrow() async throws {
            let rig = try await Rig()
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let file = FileManager.default.temporaryDirectory.appending(path: "\(cgroup.unit).py")
            try
                (server + """
                    import time
                    c = socket.create_connection(('127.0.0.1', port)); a, _ = s.accept()
                    c.sendall(b'x' * 5000); print('sent', flush=True); time.sleep(30)
                    """).write(to: file, atomically: true, encoding: .utf8)
            defer { try? FileManager.default.removeItem(at: file) }
            let (process, output) = try cgroup.start("exec python3 \(file.path)")
            _ = output.line()
            let id = cgroup.containerID
            #expect(await rig.wait(.containerNetTcpBytesSentTotal, of: id, for: 5000) == 5000)
            #expect(await rig.wait(.containerNetTcpActiveConnections, of: id, for: 1) == 1)
            // Killed with its sockets open: the kernel closes them, and so it ends here too.
            kill(process.processIdentifier, SIGKILL)
            #expect(await rig.wait(.containerNetTcpActiveConnections, of: id, for: 0) == 0)
            #expect(await rig.wait(.containerNetTcpBytesSentTotal, of: id, for: 5000) == 5000)
        }

        @Test func whatIsOlderThanTheAgentIsFound() async throws {
            let cgroup = try TestCgroup()
            let file = FileManager.default.temporaryDirectory.appending(path: "\(cgroup.unit).py")
            try
                (server + """
                    c = socket.create_connection(('127.0.0.1', port)); a, _ = s.accept()
                    c.sendall(b'x' * 5000); print('ready', flush=True)
                    import time
                    while not os.path.exists('\(file.path).go'): time.sleep(0.02)
                    c.sendall(b'x' * 321); a.recv(10000, socket.MSG_PEEK); c.close(); a.close(); print('done', flush=True); time.sleep(30)
                    """).write(to: file, atomically: true, encoding: .utf8)
            defer {
                try? FileManager.default.removeItem(at: file)
                try? FileManager.default.removeItem(atPath: file.path + ".go")
            }
            let (_, output) = try cgroup.start("exec python3 \(file.path)")
            _ = output.line()

            let rig = try await Rig()
            defer { rig.stop() }
            try await rig.start()
            let id = cgroup.containerID
            #expect(await rig.wait(.containerNetTcpActiveConnections, of: id, for: 1) == 1)
            #expect(await rig.wait(.martletContainerProcesses, of: id, for: 1) == 1)
            #expect(await rig.wait(.containerNetTcpListenInfo, of: id, for: 1) == 1)
            #expect(await rig.wait(.containerNetTcpBytesSentTotal, of: id, for: 0) == 0)
            _ = FileManager.default.createFile(atPath: file.path + ".go", contents: nil)
            _ = output.line()
            #expect(await rig.wait(.containerNetTcpActiveConnections, of: id, for: 0) == 0)
            #expect(await rig.wait(.containerNetTcpBytesSentTotal, of: id, for: 321) == 321)
        }

        @Test func shortProcessesAreAllCounted() async throws {
            let rig = try await Rig()
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let output = try cgroup.python(
                server + """
                    import time
                    for i in range(500):
                        pid = os.fork()
                        if pid == 0:
                            c = socket.create_connection(('127.0.0.1', port)); time.sleep(0.005); os._exit(0)
                        a, _ = s.accept(); a.close(); os.waitpid(pid, 0)
                    """)
            #expect(output == "")
            let id = cgroup.containerID
            #expect(await rig.wait(.containerNetTcpSuccessfulConnectsTotal, of: id, for: 500) == 500)
            #expect(await rig.wait(.martletContainerProcesses, of: id, for: 0) == 0)
            #expect(rig.losses == 0)
        }

        @Test func resourcesAreTheCgroups() async throws {
            let rig = try await Rig()
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let (_, output) = try cgroup.start(
                """
                exec python3 -c 'import time; held = b"x" * 8000000
                while time.process_time() < 1: pass
                print("done", flush=True); time.sleep(30)'
                """)
            _ = output.line()
            try await Task.sleep(for: .milliseconds(500))
            let used = try #require(await rig.value(.containerResourcesCpuUsageSecondsTotal, of: cgroup.containerID))
            #expect(used > 0.3 && used < 1.3)
            #expect(try #require(await rig.value(.containerResourcesMemoryRssBytes, of: cgroup.containerID)) > 0)
        }
    }
}
