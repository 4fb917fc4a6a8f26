import Testing

@testable import Export

@Suite struct AddressTests {
    @Test(arguments: [
        ("127.0.0.1:10300", "127.0.0.1", 10300), (":80", "", 80), ("[::1]:80", "::1", 80),
        ("localhost:0", "localhost", 0),
        ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
    ])
    func listenAddresses(text: String, host: String, port: Int) throws {
        #expect(try ListenAddress(text) == ListenAddress(host: host, port: port))
        #expect(try ListenAddress(text).description == text)
    }

    @Test(arguments: [
        "", "127.0.0.1", "::1:80", "a:b", "a:65536", "a:-1", "a:+1", "a:", "a b:1", "[::1", "[]:1", "a:1:2", "é:1",
    ])
    func malformedListenAddresses(text: String) {
        #expect(throws: ListenAddress.Malformed.self) { try ListenAddress(text) }
    }

    @Test(arguments: [
        ("http://a", "a", 80, "/", "http://a/"),
        ("HTTPS://a.b/", "a.b", 443, "/", "https://a.b/"),
        ("http://a:9090/api/v1/write?x=1#f", "a", 9090, "/api/v1/write?x=1", "http://a:9090/api/v1/write?…"),
        ("http://[::1]:9090", "::1", 9090, "/", "http://[::1]:9090/"),
        ("https://[::1]", "::1", 443, "/", "https://[::1]/"),
        ("http://a?q", "a", 80, "/?q", "http://a/?…"),
        ("http://user:pass@a/p", "a", 80, "/p", "http://a/p"),
    ])
    func endpoints(text: String, host: String, port: Int, target: String, description: String) throws {
        let endpoint = try Endpoint(text)
        #expect(endpoint.host == host)
        #expect(endpoint.port == port)
        #expect(endpoint.target == target)
        #expect(endpoint.description == description)
    }

    @Test(arguments: [
        "", "a", "a:80", "ftp://a", "http://", "http:///p", "http://a:x/", "http://a b/", "http://a/\r\nX: y",
        "http://a/é",
        "http://%zz@a/", "http://[::1/", "://a",
    ])
    func malformedEndpoints(text: String) {
        #expect(throws: Endpoint.Malformed.self) { try Endpoint(text) }
    }

    @Test func pathsAreAppended() throws {
        #expect(try Endpoint("http://a").appending(path: "/v1/metrics").target == "/v1/metrics")
        #expect(try Endpoint("http://a/").appending(path: "v1/metrics").target == "/v1/metrics")
        #expect(try Endpoint("http://a/b/?k=v").appending(path: "/v1/metrics").target == "/b/v1/metrics?k=v")
    }

    /// The test vectors of RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func base64(text: String, expected: String) {
        #expect(Base64.encode(Array(text.utf8)) == expected)
    }

    @Test func credentialsOfTheURLAreSent() throws {
        #expect(try Endpoint("http://a").authorization == nil)
        #expect(try Endpoint("http://Aladdin:open%20sesame@a").authorization == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        #expect(try Endpoint("http://user@a").authorization == "Basic dXNlcjo=")
    }
}
