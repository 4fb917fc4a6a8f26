import Logs
import Testing

@Suite struct RedactorTests {
    private func redacted(_ text: String, _ classes: Redactor.Classes = [.token, .email, .card]) -> String {
        let redactor = Redactor(classes)
        let bytes = Array(text.utf8)
        return redactor.redact(bytes.span) ? String(decoding: redactor.text, as: UTF8.self) : text
    }

    @Test(arguments: [
        ("mail from joe.doe+x@mail.example.org.", "mail from [email]."), ("<a@b.co>", "<[email]>"),
        ("a@b and @x.com and x@.com", "a@b and @x.com and x@.com"), ("a@b.c", "a@b.c"),
        ("pay 4111-1111-1111-1111 now", "pay [card] now"), ("5500005555555559", "[card]"),
        ("4111111111111112 id4111111111111111", "4111111111111112 id4111111111111111"),
        ("at 1700000000000 ms", "at 1700000000000 ms"), ("0000000000000000", "0000000000000000"),
        ("Authorization: Bearer abcdefghijklmnopqrst", "Authorization: Bearer [token]"),
        ("password=x&user=y", "password=[token]&user=y"),
        (#"{"db_password":"a b\"c","n":1}"#, #"{"db_password":"[token]","n":1}"#),
        (#"{\"apiKey\":\"abc\",\"n\":1}"#, #"{\"apiKey\":\"[token]\",\"n\":1}"#),
        ("unexpected token: x", "unexpected token: x"), ("token=", "token="), ("detoken=abc", "detoken=abc"),
        ("key AKIAIOSFODNN7EXAMPLE.", "key [token]."), ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "[token]"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1", "jwt [token]"), ("skip sk-short", "skip sk-short"),
        ("x -----BEGIN RSA PRIVATE KEY-----\nAAA\n-----END RSA PRIVATE KEY----- y", "x [token] y"),
        ("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"), ("", ""), ("@", "@"), ("=", "="), (":", ":"),
        ("password:", "password:"), ("1", "1"), ("-", "-"),
    ])
    func hides(_ text: String, _ expected: String) { #expect(redacted(text) == expected) }

    @Test func leavesWhatWasNotAskedFor() {
        let text = "a@b.com password=x 4111111111111111"
        #expect(redacted(text, .email) == "[email] password=x 4111111111111111")
        #expect(redacted(text, .card) == "a@b.com password=x [card]")
        #expect(redacted(text, .token) == "a@b.com password=[token] 4111111111111111")
    }

    @Test func isFastOnHostileText() {
        let begin = ContinuousClock.now
        for text in ["@", "password=", "-----BEGIN PRIVATE KEY", "1 1-", "a.b@", "eyJ", "sk-"] {
            _ = redacted(String(String(repeating: text, count: 65_536).prefix(65_536)))
        }
        #expect(ContinuousClock.now - begin < .seconds(10))
    }
}
