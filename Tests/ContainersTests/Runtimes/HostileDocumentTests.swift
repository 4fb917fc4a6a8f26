import Testing

@testable import Containers

@Suite struct HostileDocumentTests {
    @Test func mutatedDocumentsNeverCrash() {
        let seed = Array(
            #"{"annotations":{"a":"b","c":"\u00e9"},"mounts":[{"source":"/x","destination":"/y"}],"n":-1.5e3,"t":[null]}"#
                .utf8)
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: index)
                default: bytes.insert(seed[Int.random(in: 0..<seed.count, using: &generator)], at: index)
                }
            }
            _ = try? OCIBundle.parse(bytes)
            _ = try? CRIOSocket.parse(bytes)
            _ = PodmanState.parse(bytes, id: "x")
        }
    }
}
