import Foundation
import Metrics
import Testing

extension KernelTests {
    /// PostgreSQL, which the kernel counts as long as one batch is under way at a time: a real server, libpq, and a client that
    /// cuts and mixes what it says as no driver would.
    @Suite struct Postgres {
        /// Starts a server; `end()` ends it. A `Connection` asks by hand.
        private let script = #"""
            import ctypes, glob, os, shutil, socket, struct, subprocess, sys, tempfile, time
            binaries = sorted(glob.glob('/usr/lib/postgresql/*/bin'))
            if not binaries or not shutil.which('psql'): print('no PostgreSQL'); sys.exit()
            folder = tempfile.mkdtemp(); os.chmod(folder, 0o755); data = folder + '/data'
            subprocess.run(['install', '-d', '-o', 'postgres', data], check=True)
            postgres = ['runuser', '-u', 'postgres', '--']
            subprocess.run(postgres + [binaries[-1] + '/initdb', '-D', data, '-A', 'trust'], stdout=subprocess.DEVNULL, check=True)
            s = socket.socket(); s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]; s.close()
            port = port if port < 32768 else 7000 + port % 20000
            address = 'host=127.0.0.1 port=%d user=postgres dbname=postgres' % port
            server = subprocess.Popen(postgres + [binaries[-1] + '/postgres', '-D', data, '-p', str(port), '-c', 'fsync=off',
                '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='], stderr=subprocess.DEVNULL)
            for i in range(200):
                if subprocess.run(['pg_isready', '-q', '-d', address]).returncode == 0: break
                time.sleep(0.05)
            def end():
                server.terminate(); server.wait(); shutil.rmtree(folder)
            def message(kind, body=b''): return kind + struct.pack('!I', len(body) + 4) + body
            def query(text): return message(b'Q', text + b'\0')
            def parse(text, name=b''): return message(b'P', name + b'\0' + text + b'\0\0\0')
            bind = message(b'B', b'\0\0' + b'\0' * 6)
            execute, sync, flush = message(b'E', b'\0' + b'\0' * 4), message(b'S'), message(b'H')
            describe = message(b'D', b'S\0')
            class Connection:
                def __init__(self):
                    self.s = socket.create_connection(('127.0.0.1', port)); self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.buffer = b''
                    body = struct.pack('!I', 0x30000) + b'user\0postgres\0database\0postgres\0\0'
                    self.ask(struct.pack('!I', len(body) + 4) + body)
                def ask(self, data, until=b'Z', count=1, pieces=0):
                    if pieces:
                        for at in range(0, len(data), pieces): self.s.sendall(data[at:at + pieces]); time.sleep(0.002)
                    else: self.s.sendall(data)
                    kinds = b''
                    while count:
                        while len(self.buffer) < 5 or len(self.buffer) < 1 + struct.unpack('!I', self.buffer[1:5])[0]:
                            more = self.s.recv(65536); assert more, kinds; self.buffer += more
                        size = 1 + struct.unpack('!I', self.buffer[1:5])[0]
                        kind, self.buffer = self.buffer[:1], self.buffer[size:]
                        kinds += kind
                        if kind == until: count -= 1
                    return kinds
                def reset(self):
                    self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); self.s.close()

            """#

        /// What the client did stands in its last line.
        private func expect(
            _ output: String, in rig: Rig, of id: String, sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            if output.hasPrefix("no PostgreSQL") { try Test.cancel("PostgreSQL is not installed") }
            let numbers = output.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
            try #require(numbers.count == 3, "\(output)", sourceLocation: sourceLocation)
            for (status, count) in zip(["ok", "failed", "unanswered"], numbers) where count > 0 {
                for family in [MetricFamily.containerPostgresQueriesTotal, .containerPostgresInboundQueriesTotal] {
                    let seen = await rig.wait(family, of: id, ("status", status), for: count)
                    #expect(seen == count, "\(family.name) \(status)", sourceLocation: sourceLocation)
                }
            }
            for family in [
                MetricFamily.containerPostgresQueriesDurationSecondsTotalCount,
                .containerPostgresInboundQueriesDurationSecondsTotalCount,
            ] {
                let seen = await rig.wait(family, of: id, for: numbers[0] + numbers[1])
                #expect(seen == numbers[0] + numbers[1], "\(family.name)", sourceLocation: sourceLocation)
            }
            #expect(rig.losses == 0, sourceLocation: sourceLocation)
        }

        /// In the kernel, and in user space from where the kernel cannot go on.
        @Test func countsExactly() async throws {
            let rig = try await Rig()
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let output = try cgroup.python(
                script + #"""
                    counts = {'ok': 0, 'failed': 0, 'unanswered': 0}
                    def add(ok=0, failed=0, unanswered=0):
                        counts['ok'] += ok; counts['failed'] += failed; counts['unanswered'] += unanswered
                    def psql(*statements, status=0, **more):
                        words = [w for s in statements for w in ('-c', s)]
                        r = subprocess.run(['psql', '-X', '-q', address] + words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
                        assert r.returncode == status, (statements, r.returncode)

                    # psql: a Query each.
                    psql('create table t(a int)', 'insert into t values (1), (2)', 'select 1; select 2', ''); add(ok=4)
                    for i in range(5): psql('select nothing', status=1); add(failed=1)
                    # Long answers, errors after many rows, rows and statements of many packets.
                    for rows in (100, 1000, 20000):
                        psql(*['select a, 1 from generate_series(1, %d) a' % rows] * 5); add(ok=5)
                        psql('select 1 / (%d - a), a from generate_series(1, %d) a' % (rows, rows), 'select 1', status=0)
                        add(failed=1, ok=1)
                    psql("select repeat('x', 300000) from generate_series(1, 3)", "select 1"); add(ok=2)
                    for size in (8000, 70000, 400000):
                        subprocess.run(['psql', '-X', '-q', address], input=b"select length('%s');\n" % (b'x' * size), check=True,
                            stdout=subprocess.DEVNULL); add(ok=1)
                    # COPY, in and out, and in vain.
                    psql("\\copy t from program 'seq 1 50000'", 'select 1'); add(ok=2)
                    psql("\\copy t to '/dev/null'", 'select 1'); add(ok=2)
                    psql("\\copy t from program 'seq 1 9; echo nothing; seq 1 100000'", 'select 1'); add(failed=1, ok=1)
                    # LISTEN and NOTIFY, to oneself and to another.
                    psql('listen news', "notify news, 'one'", 'select 1'); add(ok=3)

                    # libpq, with statements that are prepared, parameters, pipelines.
                    q = ctypes.CDLL('libpq.so.5')
                    for name in ('PQconnectdb', 'PQexec', 'PQprepare', 'PQexecPrepared', 'PQexecParams', 'PQdescribePrepared', 'PQgetResult'):
                        getattr(q, name).restype = ctypes.c_void_p
                    def result(r): q.PQclear(ctypes.c_void_p(r))
                    c = ctypes.c_void_p(q.PQconnectdb(address.encode()))
                    one = (ctypes.c_char_p * 1)(b'7')
                    big = (ctypes.c_char_p * 1)(b'x' * 100000)
                    params = lambda values: (1, None, values, None, None, 0)
                    result(q.PQexec(c, b'select 1')); add(ok=1)
                    result(q.PQprepare(c, b's', b'select a from t where a < $1::int limit 3', 1, None)); add(ok=1)
                    result(q.PQdescribePrepared(c, b's'))
                    for i in range(20): result(q.PQexecPrepared(c, b's', *params(one))); add(ok=1)
                    for i in range(3): result(q.PQexecParams(c, b'select length($1::text)', 1, None, big, None, None, 0)); add(ok=1)
                    for i in range(3): result(q.PQexecParams(c, b'select 1 / ($1::int - 7)', 1, None, one, None, None, 0)); add(failed=1)
                    result(q.PQexec(c, b'select * from t')); add(ok=1)
                    other = ctypes.c_void_p(q.PQconnectdb(address.encode()))
                    result(q.PQexec(c, b'listen news')); add(ok=1)
                    for i in range(3): result(q.PQexec(other, b"notify news, 'two'")); add(ok=1)
                    time.sleep(0.1)
                    result(q.PQexec(c, b'select 1')); add(ok=1)
                    q.PQfinish(other)
                    # Several batches at once, one of which fails.
                    assert q.PQenterPipelineMode(c) == 1
                    def drain(batches):
                        syncs = 0
                        while syncs < batches:
                            r = q.PQgetResult(c)
                            if not r: continue
                            if q.PQresultStatus(ctypes.c_void_p(r)) == 10: syncs += 1
                            result(r)
                    for i in range(4):
                        for j in range(5):
                            q.PQsendQueryParams(c, b'select 1 / ($1::int - 7)' if j == 2 else b'select $1::int', 1, None, one, None, None, 0)
                            q.PQpipelineSync(c)
                        drain(5); add(ok=4, failed=1)
                    # One batch of four, the third fails: the last is skipped.
                    for j in range(4):
                        q.PQsendQueryParams(c, b'select 1 / ($1::int - 7)' if j == 2 else b'select $1::int', 1, None, one, None, None, 0)
                    q.PQpipelineSync(c); drain(1); add(ok=2, failed=2)
                    assert q.PQexitPipelineMode(c) == 1
                    result(q.PQexec(c, b'select * from t')); add(ok=1)
                    q.PQfinish(c)
                    # The same batch of four on a connection of its own: it stays in the kernel.
                    c = ctypes.c_void_p(q.PQconnectdb(address.encode()))
                    assert q.PQenterPipelineMode(c) == 1
                    for i in range(5):
                        for j in range(4):
                            q.PQsendQueryParams(c, b'select 1 / ($1::int - 7)' if j == 2 else b'select $1::int', 1, None, one, None, None, 0)
                        q.PQpipelineSync(c); drain(1); add(ok=2, failed=2)
                    q.PQfinish(c)

                    # A batch in two packets with an answer between them, as asyncpg sends it; a Bind and Sync alone are nothing.
                    c = Connection()
                    for i in range(5):
                        c.ask(parse(b'select 1') + describe + flush, until=b'T')
                        c.ask(bind + execute + sync); add(ok=1)
                    c.ask(sync); c.ask(describe + sync)
                    c.ask(parse(b'select 2', b'two') + sync); add(ok=1)
                    c.ask(parse(b'select 2') + bind + sync)
                    for i in range(3): c.ask(parse(b'select 3') + (bind + execute) * 5 + sync); add(ok=5)
                    c.ask(message(b'C', b'Stwo\0') + sync)
                    c.ask(query(b'select 1')); add(ok=1)
                    c.s.close()
                    # Cut wherever it can be.
                    c = Connection()
                    for pieces in (1, 2, 3, 4, 5, 7): c.ask(query(b'select 1'), pieces=pieces); add(ok=1)
                    for pieces in (1, 3, 6): c.ask(parse(b'select 1') + bind + execute + sync, pieces=pieces); add(ok=1)
                    c.ask(query(b'select 1')); add(ok=1)
                    c.s.close()
                    # Two requests of a batch that begin in packets of their own.
                    c = Connection()
                    for i in range(3):
                        c.s.sendall(parse(b'select 3') + bind + execute); time.sleep(0.02)
                        c.s.sendall(bind + execute); time.sleep(0.02)
                        c.ask(bind + execute + sync); add(ok=3)
                    c.ask(query(b'select 1')); add(ok=1)
                    c.s.close()
                    # A second statement before the answer to the first, and in the middle of it.
                    # A notice is sent at once, with the rows before it.
                    psql("create function slow(a int) returns int language plpgsql as 'begin raise notice ''x''; perform pg_sleep(0.02); return a; end'"); add(ok=1)
                    for wait in (0, 0.05):
                        c = Connection()
                        c.ask(query(b'select 1')); add(ok=1)
                        c.s.sendall(query(b"select slow(a) from generate_series(1, 5) a")); time.sleep(wait)
                        c.ask(query(b'select nothing'), count=2); add(ok=1, failed=1)
                        c.ask(query(b'select 2')); add(ok=1)
                        c.s.close()
                    c = Connection()
                    c.ask(query(b'select 1') * 3, count=3); add(ok=3)
                    c.ask(query(b'select 1') + parse(b'select 3') + bind + execute + sync + query(b'nothing'), count=3); add(ok=2, failed=1)
                    c.s.close()
                    # Half a statement behind a whole one.
                    c = Connection()
                    late = query(b'select 4')
                    for cut in (3, 9):
                        c.s.sendall(query(b'select pg_sleep(0.05)') + late[:cut]); time.sleep(0.02)
                        c.ask(late[cut:], count=2); add(ok=2)
                    c.s.close()
                    # More at once than is counted in the kernel.
                    c = Connection()
                    c.ask(parse(b'select 3') + (bind + execute) * 100 + sync); add(ok=100)
                    c.ask(query(b'select 1')); add(ok=1)
                    c.s.close()
                    # An answer begun, and none.
                    c = Connection(); c.ask(query(b'select 1')); add(ok=1)
                    c.s.sendall(query(b"select repeat('x', 9000), pg_sleep((a > 1)::int * 100) from generate_series(1, 3) a"))
                    assert c.s.recv(100); add(ok=1); c.reset()
                    c = Connection(); c.ask(query(b'select 1')); add(ok=1)
                    c.s.sendall(query(b'select pg_sleep(100)')); time.sleep(0.1); add(unanswered=1); c.reset()
                    c = Connection()
                    c.s.sendall(parse(b'select pg_sleep(100)') + (bind + execute) * 3 + sync); time.sleep(0.1); add(unanswered=3); c.reset()
                    time.sleep(0.3)
                    end()
                    print(counts['ok'], counts['failed'], counts['unanswered'])
                    """#)
            try await expect(output, in: rig, of: cgroup.containerID)
        }

        /// Statements of every mode cost no record, nor do errors, long answers and COPY.
        @Test func nothingTravels() async throws {
            let rig = try await Rig()
            defer { rig.stop() }
            try await rig.start()
            let cgroup = try TestCgroup()
            let output = try cgroup.python(
                script + #"""
                    open(folder + '/script', 'w').write('select 1;\nselect count(*) from pg_class;\n')
                    for mode in ('simple', 'extended', 'prepared'):
                        subprocess.run(['pgbench', '-n', '-c', '4', '-j', '2', '-t', '250', '-M', mode, '-f', folder + '/script',
                            address], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    subprocess.run(['psql', '-X', '-q', address, '-c', 'create table t(a int)',
                        '-c', "\\copy t from program 'seq 1 100000'", '-c', 'select * from t',
                        '-c', 'select 1 / (50000 - a) from t', '-c', "\\copy t to '/dev/null'"],
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    end()
                    print(6000 + 8 + 4, 1, 0)
                    """#)
            try await expect(output, in: rig, of: cgroup.containerID)
            #expect(await rig.requests.readSegments == 0)
        }

        @Test(arguments: [true, false]) func followsConnectionsThatAreOlder(_ countsInKernel: Bool) async throws {
            let cgroup = try TestCgroup()
            let marker = FileManager.default.temporaryDirectory.appending(path: "\(cgroup.unit).go")
            let file = FileManager.default.temporaryDirectory.appending(path: "\(cgroup.unit)-old.py")
            defer { for path in [marker, file] { try? FileManager.default.removeItem(at: path) } }
            try
                (script + #"""
                    connections = [Connection() for i in range(3)]
                    for c in connections: c.ask(query(b'select 1'))
                    print('ready', flush=True)
                    while not os.path.exists(sys.argv[1]): time.sleep(0.05)
                    for i in range(25): connections[0].ask(query(b'select 1'))
                    for i in range(25): connections[1].ask(parse(b'select 1') + bind + execute + sync)
                    for i in range(5): connections[2].ask(query(b'nothing'))
                    for c in connections: c.s.close()
                    end()
                    print(50, 5, 0)
                    """#).write(to: file, atomically: true, encoding: .utf8)
            let (process, pipe) = try cgroup.start("exec python3 \(file.path) \(marker.path)")
            let first = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
            if !first.hasPrefix("no PostgreSQL") { #expect(first.hasPrefix("ready")) }
            let rig = try await Rig(countsHTTP: countsInKernel)
            defer { rig.stop() }
            try await rig.start()
            // Attributed once the process is found.
            try await Task.sleep(for: .milliseconds(500))
            try Data().write(to: marker)
            let rest = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            try await expect(first.hasPrefix("no") ? first : rest, in: rig, of: cgroup.containerID)
        }
    }
}
