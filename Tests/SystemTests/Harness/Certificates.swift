import Foundation

/// An authority made by openssl, and two certificates of 127.0.0.1 that it signed.
struct Certificates {
    /// In PEM.
    let authority: String
    let valid: (path: String, key: String)
    /// Ended the day before.
    let expired: (path: String, key: String)

    init(in scratch: Scratch) throws {
        authority = scratch.file("ca.pem")
        let authorityKey = scratch.file("ca.key")
        try Command.check([
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Test authority",
            "-keyout", authorityKey, "-out", authority,
        ])
        try scratch.write("", to: "ca.index")
        let names = try scratch.write("subjectAltName = IP:127.0.0.1\nbasicConstraints = CA:FALSE\n", to: "names")
        let settings = try scratch.write(
            """
            [ca]
            default_ca = test
            [test]
            database = \(scratch.file("ca.index"))
            new_certs_dir = \(scratch.path)
            rand_serial = yes
            default_md = sha256
            unique_subject = no
            policy = any
            [any]
            commonName = supplied

            """, to: "ca.conf")
        func make(_ name: String, from first: TimeInterval, to last: TimeInterval) throws -> (path: String, key: String)
        {
            let form = DateFormatter()
            form.locale = Locale(identifier: "en_US_POSIX")
            form.timeZone = TimeZone(secondsFromGMT: 0)
            form.dateFormat = "yyyyMMddHHmmss'Z'"
            let (path, key, request) = (
                scratch.file(name + ".pem"), scratch.file(name + ".key"), scratch.file(name + ".csr")
            )
            try Command.check([
                "openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=\(name)", "-keyout", key,
                "-out",
                request,
            ])
            try Command.check([
                "openssl", "ca", "-batch", "-notext", "-config", settings, "-cert", scratch.file("ca.pem"), "-keyfile",
                authorityKey, "-in", request, "-out", path, "-extfile", names,
                "-startdate", form.string(from: Date(timeIntervalSinceNow: first)),
                "-enddate", form.string(from: Date(timeIntervalSinceNow: last)),
            ])
            return (path, key)
        }
        valid = try make("valid", from: -3600, to: 86_400)
        expired = try make("expired", from: -2 * 86_400, to: -86_400)
    }
}
