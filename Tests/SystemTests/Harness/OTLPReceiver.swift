import Foundation
import Testing

/// A receiver of logs and traces on the published OpenTelemetry definitions; see `Helpers/otlp_receiver.py`.
final class OTLPReceiver {
    /// A span or a log record.
    struct Item: Decodable {
        struct Request: Decodable {
            let path: String
            let key: String?
            let encoding: String?
            let type: String
        }

        let trace: String
        let attributes: [String: Value]
        let resource: [String: Value]
        let request: Request
        let scope: String
        // Of a span.
        let id: String?
        let parent: String?
        let name: String?
        let kind: Int?
        let status: Int?
        let start: UInt64?
        let end: UInt64?
        // Of a log record.
        let body: Value?
        let level: String?
        let severity: Int?
        let time: UInt64?

        /// Attributes as texts.
        var texts: [String: String] { attributes.mapValues(\.text) }
        var service: String { resource["service.name"]?.text ?? "" }
    }

    /// The value of an attribute.
    struct Value: Decodable, Equatable {
        let text: String

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let texts = try? container.decode([Value].self) {
                text = texts.map(\.text).joined(separator: ",")
            } else if let number = try? container.decode(Int64.self) {
                text = "\(number)"
            } else {
                text = try container.decode(String.self)
            }
        }
    }

    /// The interpreter of the environment that `tools/test` makes; cancels the test where it lacks the definitions.
    /// For tests with arguments, whose cases cannot be cancelled one by one without counting as passed.
    static var isInstalled: Bool { (try? python()) != nil }

    static func python() throws -> String {
        let path = Machine.helpers + "/../../../.build/python/bin/python3"
        let works = try? Command.run([path, "-c", "import opentelemetry.proto, opentelemetry.sdk"])
        guard works?.status == 0 else {
            try Test.cancel("opentelemetry-proto and opentelemetry-sdk are not installed: pip install, see tools/test")
        }
        return path
    }

    let port: Int
    private let path: String
    private let process: ChildProcess

    /// - Parameter rejecting: items of every request that are not stored.
    init(rejecting: Int = 0, in scratch: Scratch) throws {
        port = try Machine.freePort()
        path = try scratch.write("", to: "items-\(port)")
        process = try ChildProcess(
            [try Self.python(), "-u", Machine.helpers + "/otlp_receiver.py", "\(port)", path, "\(rejecting)"],
            in: scratch)
        try process.expect("ready")
    }

    /// What came, in its order. Fails if something could not be decoded.
    func items() throws -> [Item] {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            do { return try JSONDecoder().decode(Item.self, from: Data(line.utf8)) } catch {
                throw Failure("not decoded: \(line.prefix(500)): \(error)")
            }
        }
    }

    /// The items, once `condition` holds; fails with `what` after `seconds`.
    func items(within seconds: Double, _ what: String, _ condition: ([Item]) -> Bool) throws -> [Item] {
        var last: [Item] = []
        let found = try soon(within: seconds, every: 0.2) {
            last = try items()
            return condition(last)
        }
        if !found {
            let names = last.suffix(20).map { "\($0.service) \($0.name ?? "") \($0.texts)" }
            throw Failure("not within \(seconds) s: \(what); \(last.count) items: \(names.joined(separator: "\n"))")
        }
        return last
    }
}
