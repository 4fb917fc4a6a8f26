import TestSupport
import Testing

@testable import Protocols

@Suite struct StatementObfuscatorTests {
    private static func shape(_ statement: String, _ applicationProtocol: ApplicationProtocol = .postgres) -> String {
        String(decoding: shape(Array(statement.utf8), applicationProtocol), as: UTF8.self)
    }

    private static func shape(_ statement: [UInt8], _ applicationProtocol: ApplicationProtocol) -> [UInt8] {
        var output: [UInt8] = []
        statement.withUnsafeBytes {
            StatementObfuscator.obfuscate($0, of: applicationProtocol, into: &output)
        }
        return output
    }

    @Test(arguments: [
        ("SELECT * FROM t WHERE a = 1 AND b='x'", "SELECT * FROM t WHERE a = ? AND b=?"),
        ("SELECT a1, t2.b3 FROM t2", "SELECT a1, t2.b3 FROM t2"),
        ("a IN (1, 2,3) AND b IN ('x' , 'y')", "a IN (?) AND b IN (?)"),
        ("INSERT INTO t VALUES (1,'it''s'), (2,'b'),(3, 'c')", "INSERT INTO t VALUES (?)"),
        ("SELECT 1.5e-3, .5, 0x1F, 1e10, -1, 3-1, a-1, a - 2", "SELECT ?-?, a-?, a - ?"),
        ("x = -5 AND f(-1) > +2", "x = ? AND f(?) > +?"),
        ("SELECT $1, $2::int", "SELECT $1, $2::int"),
        ("SELECT $$secret$$, $tag$se'c$ret$tag$ x", "SELECT ? x"),
        ("SELECT E'a\\'b' , N'x', B'01'", "SELECT ?"),
        ("SELECT \"Name\" FROM \"T 1\"", "SELECT \"Name\" FROM \"T 1\""),
        ("SELECT 1 -- secret\n FROM t /* secret /* nested */ 2 */ WHERE a=1", "SELECT ? \n FROM t  WHERE a=?"),
        ("SELECT 'cut of", "SELECT ?"), ("SELECT 'cut...", "SELECT ?"), ("SELECT 1 /* cut", "SELECT ? "),
        ("SELECT $x$cut", "SELECT ?"), ("SELECT 'back\\", "SELECT ?"), ("SELECT '", "SELECT ?"),
        ("CASE WHEN é1 = 1 THEN 'ü' END", "CASE WHEN é1 = ? THEN ? END"), ("", ""), ("7", "?"), ("$", "$"),
        ("SELECT date '2020-01-01' + interval '1 day'", "SELECT date ? + interval ?"),
        ("LIMIT 10 OFFSET 20", "LIMIT ? OFFSET ?"), ("a BETWEEN 1 AND 2", "a BETWEEN ? AND ?"),
    ]) func `SQL`(_ statement: String, _ expected: String) {
        #expect(Self.shape(statement) == expected)
    }

    @Test func `what differs in MySQL`() {
        #expect(Self.shape("SELECT \"s\", `n 1` # secret", .mysql) == "SELECT ?, `n 1` ")
        #expect(Self.shape("SELECT 1 /* a /* b */ , 2", .mysql) == "SELECT ?")
    }

    @Test func `Redis and Memcached keep their command`() {
        #expect(Self.shape("SET user:1 ...", .redis) == "SET ? ...")
        #expect(Self.shape("GET user:1", .redis) == "GET ?")
        #expect(Self.shape("PING", .redis) == "PING")
        #expect(Self.shape("get a b c", .memcached) == "get ?")
    }

    @Test func `MongoDB keeps keys, collection and database`() {
        let statement =
            #"{"find": "c","filter": {"a": {"$numberInt":"1"},"s": "x\"y","l": [1,"b",true]},"$db": "db"}"#
        #expect(
            Self.shape(statement, .mongo)
                == #"{"find": "c","filter": {"a": {"$numberInt":?},"s": ?,"l": [?]},"$db": "db"}"#)
        #expect(Self.shape("<truncated>", .mongo) == "<truncated>")
        #expect(Self.shape(#"{"find": "c","filter": {"a": "cut"#, .mongo) == #"{"find": "c","filter": {"a": ?"#)
    }

    @Test(arguments: [ApplicationProtocol.mongo, .postgres, .mysql, .redis])
    func `what was written before stays`(_ applicationProtocol: ApplicationProtocol) {
        var output = Array("(?, ".utf8)
        Array("1".utf8).withUnsafeBytes {
            StatementObfuscator.obfuscate($0, of: applicationProtocol, into: &output)
        }
        #expect(output == Array((applicationProtocol == .redis ? "(?, 1" : "(?, ?").utf8))
    }

    /// No secret of a statement survives wherever it is cut, and nothing traps.
    @Test func `cut anywhere`() {
        let statement = Array(
            "SELECT a, 'XXXX', E'\\'XXXX', $$XXXX$$, $t$XXXX$t$ FROM t -- XXXX\nWHERE /* XXXX */ b IN ('XXXX','XXXX')"
                .utf8)
        for count in 0...statement.count {
            for applicationProtocol in [ApplicationProtocol.postgres, .mysql, .clickhouse, .cassandra] {
                let shape = Self.shape(Array(statement[..<count]), applicationProtocol)
                #expect(applicationProtocol == .mysql || !shape.contains(UInt8(ascii: "X")))
            }
        }
    }

    @Test func `noise and the worst cases are linear`() {
        var generator = SeededGenerator(3)
        let alphabet = Array("'\"`$-/*#(),? \\\n1aE.".utf8)
        for _ in 0..<2000 {
            let noise = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? 0
            }
            for applicationProtocol in ApplicationProtocol.allCases {
                #expect(Self.shape(noise, applicationProtocol).count <= noise.count + 4)
            }
        }
        for pattern in ["$a", "$", "/*", "-", "(1),", "1, ", "''", "((", "\"", ", ", "\\", "{\"a\":", "- "] {
            let long = Array(String(repeating: pattern, count: 200_000).utf8)
            let clock = ContinuousClock()
            for applicationProtocol in [ApplicationProtocol.postgres, .mongo] {
                let time = clock.measure { _ = Self.shape(long, applicationProtocol) }
                #expect(time < .seconds(8), "\(pattern)")
            }
        }
    }
}
