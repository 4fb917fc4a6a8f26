import Foundation
import Linux
import Testing

@testable import Symbols

/// What a fuzzer once found, and the corpus that it begins with: see `Fuzz/FuzzTarget+Symbols.swift`.
@Suite struct FuzzRegressionTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fuzz")

    private static func inputs(_ target: String) -> [URL] {
        ["Corpus", "Regressions"].flatMap { kind in
            let folder = root.appendingPathComponent("\(kind)/\(target)")
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            return names.sorted().map { folder.appendingPathComponent($0) }
        }
    }

    @Test func instructions() throws {
        let inputs = Self.inputs("instructions")
        #expect(!inputs.isEmpty)
        for input in inputs {
            let bytes = Array(try Data(contentsOf: input))
            for start in bytes.indices {
                for instruction in [X86Decoder.decode(bytes, at: start), ARM64Decoder.decode(bytes, at: start)] {
                    guard let instruction else { continue }
                    #expect(instruction.length > 0 && start + instruction.length <= bytes.count, "\(input.path)")
                    #expect(instruction.length <= X86Decoder.maximumLength, "\(input.path)")
                }
            }
        }
    }

    @Test func executables() throws {
        let names: Set = ["SSL_read", "crypto/tls.(*Conn).Read", "main", "runtime.text"]
        var found: Set<String> = []
        for input in Self.inputs("executable") {
            guard let file = ELFFile(try FileDescriptor.open(input.path)) else { continue }
            var functions = Array(file.functions(named: names).values)
            functions += (try? GoFunctions.find(names, in: file)).map { Array($0.values) } ?? []
            for function in functions {
                found.insert(function.name)
                #expect((file.returns(of: function) ?? []).count <= 4096, "\(input.path)")
            }
        }
        // The corpus has one of each kind.
        #expect(found.isSuperset(of: ["SSL_read", "crypto/tls.(*Conn).Read"]))
    }
}
