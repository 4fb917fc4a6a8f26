/// Names after which a secret stands, also as the end of a longer name: `DB_PASSWORD`, `x-api-key`.
enum SecretName {
    case password
    /// Words that stand in ordinary sentences too.
    case other

    private static let passwords: InlineArray<5, StaticString> = ["password", "passwd", "pwd", "passphrase", "secret"]
    private static let others: InlineArray<9, StaticString> = [
        "token", "apikey", "api_key", "api-key", "access_key", "accesskey", "secret_key", "private_key",
        "authorization",
    ]

    /// The name that ends at `end` in `text`.
    init?(endOf text: Span<UInt8>, at end: Int) {
        for index in Self.passwords.indices where Self.ends(text, end, Self.passwords[index]) {
            self = .password
            return
        }
        for index in Self.others.indices where Self.ends(text, end, Self.others[index]) {
            self = .other
            return
        }
        return nil
    }

    private static func ends(_ text: Span<UInt8>, _ end: Int, _ name: StaticString) -> Bool {
        let start = end - name.utf8CodeUnitCount
        guard start >= 0, text.extracting(start..<end).equalsLowered(name) else { return false }
        // `userToken` and `user_token`, but not `detoken`.
        return !Redactor.isWord(text, start - 1) || (text[start] & 0x20 == 0 && text[start - 1] & 0x20 != 0)
    }
}
