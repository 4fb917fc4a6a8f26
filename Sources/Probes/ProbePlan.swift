internal import Kernel
internal import Symbols

/// Which programs are attached to which instructions of a file.
struct ProbePlan: Sendable {
    struct Step: Sendable, Equatable {
        var program: ProbeProgram
        /// Of instructions, by where they are in the file; each with what its program is told.
        var cookies: [UInt64: UInt64]

        var places: [(offset: UInt64, cookie: UInt64)] {
            cookies.sorted { $0.key < $1.key }.map { (offset: $0.key, cookie: $0.value) }
        }
    }

    var library: TLSLibrary
    /// In the order of attaching: no call is seen to begin before its return can be seen.
    var steps: [Step]

    private static let opensslNames: Set = [
        "SSL_read", "SSL_write", "SSL_read_ex", "SSL_write_ex", "SSL_write_ex2", "SSL_do_handshake",
    ]
    private static let gnutlsNames: Set = [
        "gnutls_record_send", "gnutls_record_send2", "gnutls_record_recv", "gnutls_transport_get_int",
    ]
    /// Functions of one kind.
    private static let rustlsLimit = 64
    private static let goNames: Set = ["crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write"]

    /// The probes of a file; nil for one that has nothing to do with TLS.
    static func make(for file: borrowing ELFFile, name: String, isProgram: Bool) throws(ProbeRefusal) -> ProbePlan? {
        guard file.machine == .own else { return nil }
        if isProgram, file.hasSection(".go.buildinfo") || file.hasSection(".gopclntab") { return try go(file) }
        if name.contains("gnutls") { return try gnutls(file) }
        if let plan = try openssl(file, isRequired: !isProgram) { return plan }
        return try rustls(file)
    }

    private static func openssl(_ file: borrowing ELFFile, isRequired: Bool) throws(ProbeRefusal) -> ProbePlan? {
        let found = file.functions(named: opensslNames)
        guard let read = found["SSL_read"], let write = found["SSL_write"] else {
            if isRequired { throw .noFunctions }
            return nil
        }
        var plan = ProbePlan(library: .openssl, steps: [])
        // From OpenSSL 3.3 on SSL_write_ex ends in SSL_write_ex2, by way of the linkage table.
        let (readEx, writeEx, writeEx2) = (found["SSL_read_ex"], found["SSL_write_ex"], found["SSL_write_ex2"])
        try plan.add(.sslReadReturn, returnsOf: [read, readEx], file)
        try plan.add(.sslWriteReturn, returnsOf: [write, writeEx2 ?? writeEx], file)
        try plan.add(.sslRead, at: file.entrySite(of: read, arguments: 3), file)
        try plan.add(.sslWrite, at: file.entrySite(of: write, arguments: 3), file)
        if let function = readEx { try plan.add(.sslReadEx, at: file.entrySite(of: function, arguments: 4), file) }
        if let function = writeEx { try plan.add(.sslWriteEx, at: file.entrySite(of: function, arguments: 4), file) }
        if let function = found["SSL_do_handshake"] {
            try plan.add(.sslHandshake, at: file.entrySite(of: function, arguments: 1), file)
        }
        return plan
    }

    private static func gnutls(_ file: borrowing ELFFile) throws(ProbeRefusal) -> ProbePlan {
        let found = file.functions(named: gnutlsNames)
        // The first ends in the second, where that exists.
        guard let receive = found["gnutls_record_recv"],
            let send = found["gnutls_record_send2"] ?? found["gnutls_record_send"]
        else { throw .noFunctions }
        let place = found["gnutls_transport_get_int"].flatMap { file.memberRead(by: $0) } ?? 0
        guard place <= 0xFFFF else { throw .code }
        var plan = ProbePlan(library: .gnutls, steps: [])
        try plan.add(.gnutlsReceiveReturn, returnsOf: [receive], isWide: true, file)
        try plan.add(.gnutlsSendReturn, returnsOf: [send], isWide: true, file)
        try plan.add(.gnutlsReceive, at: file.entrySite(of: receive, arguments: 3), file, member: place)
        try plan.add(.gnutlsSend, at: file.entrySite(of: send, arguments: 3), file, member: place)
        return plan
    }

    /// Nil for a program that does not use crypto/tls.
    private static func go(_ file: borrowing ELFFile) throws(ProbeRefusal) -> ProbePlan? {
        let found: [String: Function]
        do throws(GoFunctions.Refusal) {
            found = try GoFunctions.find(goNames, in: file)
        } catch {
            switch error {
            case .tooOld: throw .goTooOld
            case .noTable: throw .goTable
            }
        }
        if found.isEmpty { return nil }
        guard let read = found["crypto/tls.(*Conn).Read"], let write = found["crypto/tls.(*Conn).Write"] else {
            throw .noFunctions
        }
        var plan = ProbePlan(library: .go, steps: [])
        guard let readStart = GoFunctions.bodySite(of: read, in: file),
            let writeStart = GoFunctions.bodySite(of: write, in: file)
        else { throw .code }
        try plan.add(.goReadReturn, returnsOf: [read], isWide: true, file)
        try plan.add(.goRead, at: readStart, file)
        try plan.add(.goWrite, at: writeStart, file)
        return plan
    }

    /// Nil for a program without rustls, or without symbols.
    private static func rustls(_ file: borrowing ELFFile) throws(ProbeRefusal) -> ProbePlan? {
        var found: [RustlsMethod: [Function]] = [:]
        for word in RustlsMethod.words {
            let functions = file.functions(
                containing: word, isWanted: { RustlsMethod(symbol: $0) != nil }, limit: rustlsLimit)
            // Without the first one there is none.
            if functions.isEmpty, found.isEmpty { return nil }
            for function in functions {
                if let method = RustlsMethod(symbol: function.name) { found[method, default: []].append(function) }
            }
        }
        guard let received = found[.receive] else { throw .noFunctions }
        var plan = ProbePlan(library: .rustls, steps: [])
        // For each side and version of TLS, the compiler makes one.
        try plan.add(.rustlsHandshake, atEntriesOf: found[.handshake] ?? [], file)
        try plan.add(.rustlsReceived, atEntriesOf: received, file)
        // Where all of the program is optimized together, one of them is left: the inner one, or that in the table.
        if let write = found[.writeChunks] {
            try plan.add(.rustlsWriteChunks, atEntriesOf: write, file)
        } else if let write = found[.write] {
            try plan.add(.rustlsWriteParts, atEntriesOf: found[.writeParts] ?? [], file)
            try plan.add(.rustlsWrite, atEntriesOf: write, file)
        } else if let write = found[.writeSome] {
            try plan.add(.rustlsWrite, atEntriesOf: write, file)
        } else {
            throw .noFunctions
        }
        return plan
    }

    private mutating func add(
        _ program: ProbeProgram, atEntriesOf functions: [Function], _ file: borrowing ELFFile
    ) throws(ProbeRefusal) {
        var cookies: [UInt64: UInt64] = [:]
        for function in functions {
            let site = file.entrySite(of: function, arguments: 4)
            guard let offset = file.fileOffset(of: site.address) else { throw .code }
            cookies[offset] = Self.cookie(site, member: 0)
        }
        if !cookies.isEmpty { steps.append(Step(program: program, cookies: cookies)) }
    }

    private mutating func add(
        _ program: ProbeProgram, at site: ProbeSite, _ file: borrowing ELFFile, member: UInt64 = 0
    ) throws(ProbeRefusal) {
        guard let offset = file.fileOffset(of: site.address) else { throw .code }
        steps.append(Step(program: program, cookies: [offset: Self.cookie(site, member: member)]))
    }

    private mutating func add(
        _ program: ProbeProgram, returnsOf functions: [Function?], isWide: Bool = false, _ file: borrowing ELFFile
    ) throws(ProbeRefusal) {
        var cookies: [UInt64: UInt64] = [:]
        for case let function? in functions {
            guard let sites = file.returnSites(of: function, isWide: isWide) else { throw .code }
            for site in sites {
                guard let offset = file.fileOffset(of: site.address) else { throw .code }
                cookies[offset] = Self.cookie(site, member: 0)
            }
        }
        steps.append(Step(program: program, cookies: cookies))
    }

    /// As bpf/tls.bpf.h reads it, from the lowest bit on: 16 bits of a place in a structure, 16 bits of the site's depth, 4 of its
    /// condition and one that it has one, from bit 40 on the register of its result or 16.
    private static func cookie(_ site: ProbeSite, member: UInt64) -> UInt64 {
        var cookie = member | UInt64(site.depth) << 16
        if let condition = site.condition { cookie |= UInt64(condition) << 32 | 1 << 36 }
        switch site.result {
        case .register(let number): cookie |= UInt64(number) << 40
        case .nothing: cookie |= 16 << 40
        }
        return cookie
    }
}
