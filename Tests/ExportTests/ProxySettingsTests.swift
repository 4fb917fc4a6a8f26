import Testing

@testable import Export

/// Which endpoints go through which proxy.
@Suite struct ProxySettingsTests {
    private func settings(_ variables: [String: String]) throws -> ProxySettings {
        try ProxySettings { variables[$0] }
    }

    private func proxy(_ variables: [String: String], for url: String) throws -> String? {
        try settings(variables).proxy(for: Endpoint(url))?.description
    }

    @Test func theSchemeOfTheEndpointChooses() throws {
        let both = ["http_proxy": "http://p:1", "HTTPS_PROXY": "s:2"]
        #expect(try proxy(both, for: "http://a/") == "http://p:1/")
        #expect(try proxy(both, for: "https://a/") == "http://s:2/")
        #expect(try proxy(["http_proxy": "http://p:1"], for: "https://a/") == nil)
        #expect(try proxy(["ALL_PROXY": "https://p"], for: "https://a/") == "https://p/")
        #expect(try proxy(["http_proxy": "low", "HTTP_PROXY": "high"], for: "http://a/") == "http://low/")
        #expect(try proxy(["http_proxy": ""], for: "http://a/") == nil)
        // The header Proxy of a client of a CGI program.
        #expect(try proxy(["HTTP_PROXY": "evil", "REQUEST_METHOD": "GET"], for: "http://a/") == nil)
    }

    @Test(arguments: [
        ("example.com", "example.com", true), ("example.com", "EXAMPLE.com.", true),
        ("example.com", "a.example.com", true), ("example.com", "anexample.com", false),
        (".example.com", "a.example.com", true), (".example.com", "example.com", false),
        ("example.com:81", "example.com", false), ("example.com:80", "example.com", true),
        ("a, example.com", "example.com", true), ("*", "example.com", true),
        ("10.0.0.0/8", "10.1.2.3", true), ("10.0.0.0/8", "11.1.2.3", false), ("10.64.0.0/10", "10.127.0.1", true),
        ("10.64.0.0/10", "10.128.0.1", false), ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1:80", "192.0.2.1", true),
        ("192.0.2.1:81", "192.0.2.1", false), ("2001:db8::/32", "[2001:db8::1]", true),
        ("2001:db8::1", "[2001:db8:0::1]", true), ("10.0.0.0/99", "10.0.0.1", false), ("/", "10.0.0.1", false),
        ("", "127.0.0.1", true), ("", "localhost", true), ("", "[::1]", true), ("", "127.0.0.1.example", false),
    ])
    func exceptions(list: String, host: String, isDirect: Bool) throws {
        let found = try proxy(["http_proxy": "p", "no_proxy": list], for: "http://\(host)/")
        #expect((found == nil) == isDirect)
    }

    @Test func whatIsNoProxy() {
        #expect(throws: ProxySettings.Malformed.self) { try settings(["all_proxy": "socks5://p:1"]) }
        let error = #expect(throws: ProxySettings.Malformed.self) { try settings(["http_proxy": "http://u:secret@:x"]) }
        #expect(error?.variable == "http_proxy" && error?.description.contains("secret") == false)
    }
}
