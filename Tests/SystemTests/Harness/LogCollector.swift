import Foundation

/// A collector of logs on the published OpenTelemetry definitions that keeps account of numbered lines; see
/// `Helpers/log_receiver.py`.
final class LogCollector {
    /// What came so far.
    struct State: Decodable {
        /// The lines that call themselves by one name.
        struct Name: Decodable {
            let records: Int
            let distinct: Int
            /// Lines that came first after one that was written later.
            let late: Int
            let attributes: [String: String]
            let resource: [String: String]

            var repeats: Int { records - distinct }
        }

        let requests: Int
        let records: Int
        /// Records of the largest request.
        let largest: Int
        /// Records that are no numbered line.
        let other: Int
        let names: [String: Name]

        var repeats: Int { names.values.reduce(0) { $0 + $1.repeats } }
        var distinct: Int { names.values.reduce(0) { $0 + $1.distinct } }
    }

    let port: Int

    /// - Parameter lines: more than any name has.
    init(lines: Int, in scratch: Scratch) throws {
        port = try Machine.freePort()
        try ChildProcess(
            [try OTLPReceiver.python(), Machine.helpers + "/log_receiver.py", "\(port)", "\(lines)"], in: scratch
        ).expect("ready")
    }

    func state() throws -> State {
        let text = try Command.check(["curl", "-sS", "--fail", "http://127.0.0.1:\(port)/"])
        return try JSONDecoder().decode(State.self, from: Data(text.utf8))
    }
}
