internal import Kernel
internal import Symbols

/// Which programs are attached to which instructions of a file.
struct ProbePlan: Sendable {
    struct Step: Sendable, Equatable {
        var program: ProbeProgram
        /// Of instructions, in the file.
        var offsets: [UInt64]
        var cookie: UInt64 = 0
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
    private static let goNames: Set = ["crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write"]

    /// The probes of a file; nil for one that has nothing to do with TLS.
    static func make(for file: borrowing ELFFile, name: String, isProgram: Bool) throws(ProbeRefusal) -> ProbePlan? {
        guard file.machine == .own else { return nil }
        if isProgram, file.hasSection(".go.buildinfo") || file.hasSection(".gopclntab") { return try go(file) }
        if name.contains("gnutls") { return try gnutls(file) }
        return try openssl(file, isRequired: !isProgram)
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
        try plan.add(.sslRead, at: read, file)
        try plan.add(.sslWrite, at: write, file)
        if let function = readEx { try plan.add(.sslReadEx, at: function, file) }
        if let function = writeEx { try plan.add(.sslWriteEx, at: function, file) }
        if let function = found["SSL_do_handshake"] { try plan.add(.sslHandshake, at: function, file) }
        return plan
    }

    private static func gnutls(_ file: borrowing ELFFile) throws(ProbeRefusal) -> ProbePlan {
        let found = file.functions(named: gnutlsNames)
        // The first ends in the second, where that exists.
        guard let receive = found["gnutls_record_recv"],
            let send = found["gnutls_record_send2"] ?? found["gnutls_record_send"]
        else { throw .noFunctions }
        let place = found["gnutls_transport_get_int"].flatMap { file.memberRead(by: $0) } ?? 0
        var plan = ProbePlan(library: .gnutls, steps: [])
        try plan.add(.gnutlsReceiveReturn, returnsOf: [receive], file)
        try plan.add(.gnutlsSendReturn, returnsOf: [send], file)
        try plan.add(.gnutlsReceive, at: receive, file, cookie: place)
        try plan.add(.gnutlsSend, at: send, file, cookie: place)
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
        guard let readStart = GoFunctions.bodyStart(of: read, in: file),
            let writeStart = GoFunctions.bodyStart(of: write, in: file)
        else { throw .code }
        try plan.add(.goReadReturn, returnsOf: [read], file)
        try plan.add(.goRead, at: Function(name: read.name, address: readStart, size: 0), file)
        try plan.add(.goWrite, at: Function(name: write.name, address: writeStart, size: 0), file)
        return plan
    }

    private mutating func add(
        _ program: ProbeProgram, at function: Function, _ file: borrowing ELFFile, cookie: UInt64 = 0
    ) throws(ProbeRefusal) {
        guard let offset = file.fileOffset(of: function.address) else { throw .code }
        steps.append(Step(program: program, offsets: [offset], cookie: cookie))
    }

    private mutating func add(
        _ program: ProbeProgram, returnsOf functions: [Function?], _ file: borrowing ELFFile
    ) throws(ProbeRefusal) {
        var offsets = Set<UInt64>()
        for case let function? in functions {
            guard let returns = file.returns(of: function) else { throw .code }
            for address in returns {
                guard let offset = file.fileOffset(of: address) else { throw .code }
                offsets.insert(offset)
            }
        }
        steps.append(Step(program: program, offsets: offsets.sorted()))
    }
}
