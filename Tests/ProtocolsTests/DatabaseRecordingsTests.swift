import TestSupport
import Testing

@testable import Protocols

/// Real clients and servers, recorded: what is told of them, however their bytes are cut into segments.
@Suite struct DatabaseRecordingsTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let applicationProtocol: ApplicationProtocol
        let expected: [String]
        var testDescription: String { name }
    }

    static let account = "SELECT abalance FROM pgbench_accounts WHERE aid = $1;"

    static let cases: [Case] = [
        Case(
            name: "postgres-simple", applicationProtocol: .postgres,
            expected: [
                "ok query create table t(a int primary key, b text)", "ok query insert into t values (1,'x'),(2,'y')",
                "ok query select * from t where a=1", "failed query select nope from t",
                "ok query select 1; select 2", "ok query ", "failed query insert into t values (1,'z')",
            ]),
        Case(
            name: "postgres-copy", applicationProtocol: .postgres,
            expected: [
                "ok query copy t from stdin", "ok query copy t to stdout", "ok query select count(*) from t",
            ]),
        Case(
            name: "postgres-pgbench-extended", applicationProtocol: .postgres,
            expected: Array(repeating: "ok query \(account)", count: 3)),
        Case(
            name: "postgres-pgbench-prepared", applicationProtocol: .postgres,
            expected: ["ok query PREPARE P_0 AS \(account)"] + Array(repeating: "ok query \(account)", count: 3)),
        Case(
            name: "postgres-pipeline", applicationProtocol: .postgres,
            expected: Array(repeating: "ok query select $1::int + 1", count: 5) + [
                "ok query select 10", "failed query select nope", "failed query select 11",
            ]),
        Case(name: "postgres-ssl-refused", applicationProtocol: .postgres, expected: ["ok query select 1"]),
        Case(
            name: "mysql-mariadb", applicationProtocol: .mysql,
            expected: [
                "ok query create table d.t(a int primary key, b text)",
                "ok query insert into d.t values (1,'x'),(2,'y')",
                "ok query select * from d.t", "failed query select nope",
            ]),
        Case(
            name: "mysql-infile", applicationProtocol: .mysql,
            expected: [
                "ok query load data local infile 'load.txt' into table t", "ok query select count(*) from t",
            ]),
        Case(
            name: "mysql-multi", applicationProtocol: .mysql,
            expected: [
                "ok query SET NAMES utf8mb4", "ok query SET AUTOCOMMIT = 0", "ok query select 1; select 2; select 3",
                "ok query select * from t", "ok query select 4",
            ]),
        Case(
            name: "mysql-prepared", applicationProtocol: .mysql,
            expected: [
                "ok query SET NAMES 'utf8mb4' COLLATE 'utf8mb4_general_ci'", "ok query SET @@session.autocommit = OFF",
                "ok query PREPARE 1 FROM select * from t where a=?", "ok query select * from t where a=?",
                "ok query select * from t where a=?", "ok query select * from t where a=?",
                "ok query PREPARE 2 FROM insert into t values (?,?)", "ok query insert into t values (?,?)",
                "failed query select nope from t where a=?",
            ]),
        Case(
            name: "redis-cli", applicationProtocol: .redis,
            expected: [
                "ok SET SET b ...", "ok GET GET b", "ok MULTI MULTI", "ok SET SET c ...", "ok LPUSH LPUSH c ...",
                "ok EXEC EXEC", "ok LRANGE LRANGE nolist ...", "failed NOSUCH NOSUCH x", "ok HSET HSET h ...",
                "ok HGETALL HGETALL h", "ok PING PING",
            ]),
        Case(
            name: "redis-resp3", applicationProtocol: .redis,
            expected: [
                "ok HELLO HELLO 3", "ok COMMAND COMMAND DOCS", "ok SET SET b ...", "ok HGETALL HGETALL h",
                "ok GET GET none", "failed LPUSH LPUSH b ...", "ok SMEMBERS SMEMBERS none",
            ]),
        Case(
            name: "redis-pipelined", applicationProtocol: .redis,
            expected: Array(repeating: "ok SET SET key:__rand_int__ ...", count: 16)),
        Case(
            name: "redis-inline", applicationProtocol: .redis, expected: Array(repeating: "ok PING PING", count: 16)),
        Case(
            name: "redis-pubsub", applicationProtocol: .redis,
            expected: [
                "failed CLIENT CLIENT SETINFO ...", "failed CLIENT CLIENT SETINFO ...", "ok SUBSCRIBE SUBSCRIBE x ...",
                "ok UNSUBSCRIBE UNSUBSCRIBE",
            ]),
        Case(
            name: "redis-pubsub-resp3", applicationProtocol: .redis,
            expected: [
                "ok HELLO HELLO 3", "failed CLIENT CLIENT MAINT_NOTIFICATIONS ...", "failed CLIENT CLIENT SETINFO ...",
                "failed CLIENT CLIENT SETINFO ...", "ok SUBSCRIBE SUBSCRIBE x ...", "ok UNSUBSCRIBE UNSUBSCRIBE",
            ]),
        Case(
            name: "memcached-text", applicationProtocol: .memcached,
            expected: [
                "ok set a", "ok get a b", "ok get none", "unknown set q", "ok gets a q", "failed incr a", "ok set n",
                "ok incr n", "ok delete n", "ok delete n", "ok touch a", "ok gat a q", "failed bogus", "ok get a",
                "ok get q", "ok get none", "ok stats", "ok version", "ok cas a",
            ]),
        Case(
            name: "memcached-meta", applicationProtocol: .memcached,
            expected: [
                "ok ms m", "ok mg m", "ok mg none", "ok mg none", "ok mg m", "ok ms m2", "ok mn", "ok md m", "ok md m",
                "ok ma cnt", "ok mn", "ok me a",
            ]),
        Case(
            name: "clickhouse-1", applicationProtocol: .clickhouse,
            expected: ["ok query select 1;", "failed query select nope;"]),
        Case(
            name: "clickhouse-3", applicationProtocol: .clickhouse,
            expected: ["ok query select number, 'text', number*2 from system.numbers limit 3000"]),
        Case(
            name: "clickhouse-compressed-1", applicationProtocol: .clickhouse,
            expected: ["ok query select 1;", "failed query select nope;"]),
    ]

    @Test(arguments: cases) func `what is told`(of recorded: Case) throws {
        let recording = try Recording(recorded.name)
        let found = recording.play()
        #expect(found.verdict == .known(recorded.applicationProtocol))
        #expect(found.lines == recorded.expected)
        #expect(recording.play(recorded.applicationProtocol).lines == recorded.expected)
        // Without texts as many, with the same status.
        let bare = recording.play(wantsText: false).lines
        #expect(bare == recorded.expected.map { String($0.split(separator: " ")[0]) })
    }

    /// ClickHouse's packets are looked for where segments begin: it is not among these.
    @Test(arguments: cases.filter { $0.applicationProtocol != .clickhouse })
    func `every cut in two gives the same`(_ recorded: Case) throws {
        let recording = try Recording(recorded.name)
        for (index, segment) in recording.segments.enumerated() {
            for offset in stride(from: 1, to: segment.bytes.count, by: segment.bytes.count > 80 ? 7 : 1) {
                let found = recording.cut(index, at: offset).play(recorded.applicationProtocol).lines
                if found != recorded.expected {
                    Issue.record("segment \(index) cut at \(offset): \(found)")
                    return
                }
            }
        }
    }

    @Test(arguments: cases.filter { $0.applicationProtocol != .clickhouse })
    func `cuts in three, and segments of one byte, give the same`(_ recorded: Case) throws {
        let recording = try Recording(recorded.name)
        var generator = SeededGenerator(5)
        for _ in 0..<60 {
            let index = Int.random(in: 0..<recording.segments.count, using: &generator)
            let count = recording.segments[index].bytes.count
            if count < 3 { continue }
            let second = Int.random(in: 2..<count, using: &generator)
            let first = Int.random(in: 1..<second, using: &generator)
            let parts = recording.cut(index, at: second).cut(index, at: first)
            #expect(parts.play(recorded.applicationProtocol).lines == recorded.expected)
        }
        let bytes = recording.segments.flatMap { segment in
            segment.bytes.enumerated().map { index, byte in
                Recording.Segment(
                    side: segment.side, bytes: [byte], tail: index == segment.bytes.count - 1 ? segment.tail : 0)
            }
        }
        #expect(Recording(bytes).play(recorded.applicationProtocol).lines == recorded.expected)
    }

    /// A client that sends the next before the last is answered loses nothing if less of each segment is captured.
    @Test(arguments: [
        "redis-pipelined", "redis-cli", "postgres-pgbench-extended", "postgres-pipeline", "mysql-prepared",
    ])
    func `requests in uncaptured bytes are counted`(_ name: String) throws {
        let recorded = try #require(Self.cases.first { $0.name == name })
        let recording = try Recording(name)
        for limit in [512, 300, 200, 120] {
            let found = recording.play(recorded.applicationProtocol, limit: limit).lines
            #expect(found.count == recorded.expected.count, "of \(limit) bytes of each segment")
        }
    }

    /// Connections that are older than the agent.
    @Test(arguments: cases) func `beginning in the middle`(of recorded: Case) throws {
        let recording = try Recording(recorded.name)
        for dropped in 1..<recording.segments.count where recording.segments[dropped].side == .client {
            let rest = Recording(Array(recording.segments[dropped...]))
            let found = rest.play(recorded.applicationProtocol).lines
            // The first may have been cut; a statement may have been prepared before.
            #expect(found.count <= recorded.expected.count)
            let statuses = found.map { $0.split(separator: " ")[0] }
            #expect(statuses.allSatisfy { $0 == "ok" || $0 == "failed" || $0 == "unknown" || $0 == "unanswered" })
            if dropped > recording.segments.count * 2 / 3 { continue }
            let verdict = rest.play().verdict
            #expect(
                verdict == .known(recorded.applicationProtocol) || verdict == .undecided, "from \(dropped): \(verdict)")
        }
    }

    @Test(arguments: cases) func `damaged recordings neither trap nor multiply`(_ recorded: Case) throws {
        let recording = try Recording(recorded.name)
        var generator = SeededGenerator(11)
        for _ in 0..<50 {
            var damaged = recording
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let index = Int.random(in: 0..<damaged.segments.count, using: &generator)
                let count = damaged.segments[index].bytes.count
                let at = Int.random(in: 0..<max(count, 1), using: &generator)
                switch Int.random(in: 0..<5, using: &generator) {
                case 0 where count > 0: damaged.segments[index].bytes[at] = UInt8.random(in: 0...255, using: &generator)
                case 1 where count > at + 4:
                    damaged.segments[index].bytes.replaceSubrange(at..<at + 4, with: [0xFF, 0xFF, 0xFF, 0xFF])
                case 2: damaged.segments[index].missing = Int.random(in: 1...5000, using: &generator)
                case 3: damaged.segments[index].tail = Int.random(in: 1...70_000, using: &generator)
                default: if damaged.segments.count > 1 { damaged.segments.remove(at: index) }
                }
            }
            let found = damaged.play(recorded.applicationProtocol).lines
            #expect(found.count <= 40 * recorded.expected.count)
            _ = damaged.play()
        }
    }

    @Test(arguments: [
        ApplicationProtocol.postgres, .mysql, .redis, .memcached, .mongo, .clickhouse, .cassandra,
    ])
    func `noise does not trap`(_ applicationProtocol: ApplicationProtocol) {
        _ = Noise.exchanges(of: applicationProtocol, connections: 100)
    }
}
