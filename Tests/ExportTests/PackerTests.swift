import NIOCore
import Testing
import Wire

@testable import Export

/// Requests in other forms, and what the spool says of them.
@Suite struct PackerTests {
    private func request(_ coding: RequestCoding, _ metricsProtocol: MetricsProtocol = .remoteWrite) throws
        -> PushRequest
    {
        var plain = WireBuffer()
        for number in 0..<1000 { plain.append("sample \(number) ") }
        var packer = Packer()
        return PushRequest(
            body: try packer.pack(plain, coding), samples: 3,
            packaging: Packaging(metricsProtocol: metricsProtocol, coding: coding), shard: Shard(1, of: 3), sequence: 9)
    }

    @Test(arguments: RequestCoding.allCases, RequestCoding.allCases)
    func anyCompressionBecomesAnyOther(from: RequestCoding, to: RequestCoding) throws {
        var packer = Packer()
        let packaging = Packaging(metricsProtocol: .remoteWrite, coding: to)
        let repacked = try packer.repack(try request(from), as: packaging)
        #expect(repacked.body == (try request(to)).body)
        #expect(repacked.packaging == packaging && repacked.samples == 3 && repacked.sequence == 9)
        #expect(repacked.shard == Shard(1, of: 3))
    }

    @Test(arguments: RequestCoding.allCases.filter { $0 != .none })
    func damageIsAnError(coding: RequestCoding) throws {
        let good = try request(coding)
        var packer = Packer()
        for body in [
            ByteBuffer(), ByteBuffer(string: "no"), ByteBuffer(bytes: good.body.readableBytesView.dropLast(9)),
        ] {
            let bad = PushRequest(
                body: body, samples: 1, packaging: good.packaging, shard: nil)
            #expect(throws: DecompressionError.self) {
                try packer.repack(bad, as: Packaging(metricsProtocol: .remoteWrite, coding: .none))
            }
        }
    }

    @Test func protocolsDoNotMix() throws {
        var packer = Packer()
        #expect(throws: DecompressionError.self) {
            try packer.repack(
                try request(.gzip, .otlp), as: Packaging(metricsProtocol: .remoteWrite, coding: .snappy))
        }
    }

    @Test func aRecordSaysHowItWasMade() {
        for format in RequestFormat.allCases {
            for coding in RequestCoding.allCases {
                for shard in [nil, Shard.whole, Shard(63, of: 64)] {
                    let kind = RecordKind(packaging: Packaging(format: format, coding: coding), shard: shard)
                    #expect(RecordKind(kind.number) == kind)
                }
            }
        }
        // An agent without shards wrote zeros.
        #expect(
            RecordKind(0)
                == RecordKind(packaging: Packaging(metricsProtocol: .remoteWrite, coding: .snappy), shard: nil))
        #expect(RecordKind(5) == nil && RecordKind(4 << 8) == nil)
    }

    @Test func shardsKeepTheOrderOfASeries() throws {
        func request(_ shard: Shard?) throws -> PushRequest {
            PushRequest(
                body: ByteBuffer(), samples: 1, packaging: Packaging(metricsProtocol: .otlp, coding: .none),
                shard: shard)
        }
        let first = try request(Shard(0, of: 2))
        #expect(try first.sharesSeries(with: request(Shard(0, of: 2))))
        #expect(try !first.sharesSeries(with: request(Shard(1, of: 2))))
        #expect(try first.sharesSeries(with: request(Shard(1, of: 3))))
        #expect(try first.sharesSeries(with: request(nil)))
    }
}
