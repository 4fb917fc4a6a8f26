import Foundation

/// A proxy before a receiver that makes faults by a plan; `Helpers/fault_proxy.py` says which.
final class FaultProxy {
    /// One request, as the proxy saw it.
    struct Request: Decodable {
        /// Seconds since 1970 at which it began.
        let time: Double
        /// What the plan said.
        let action: String
        /// Bytes of the body that were read.
        let bytes: Int
        /// Of the body.
        let hash: String
        /// What was answered, or what the receiver answered; 0 without an answer.
        let status: Int
        /// Content-Type: it tells protocols apart.
        let type: String

        var wasTaken: Bool { (200..<300).contains(status) }
    }

    let port: Int
    private let planPath: String
    private let logPath: String
    private let process: ChildProcess

    /// - Parameters:
    ///   - port: where it listens; a free port unless given.
    ///   - certificate: paths of a certificate and its key, for https.
    init(
        before upstream: Int, port: Int? = nil, plan: String = "pass", certificate: (path: String, key: String)? = nil,
        in scratch: Scratch
    ) throws {
        self.port = try port ?? Machine.freePort()
        let number = UInt32.random(in: .min ... .max)
        planPath = try scratch.write(plan, to: "plan-\(number)")
        logPath = try scratch.write("", to: "requests-\(number)")
        var command = [
            "python3", "-u", Machine.helpers + "/fault_proxy.py", "\(self.port)", "\(upstream)", planPath, logPath,
        ]
        if let certificate { command += [certificate.path, certificate.key] }
        process = try ChildProcess(command, in: scratch)
        try process.expect("ready")
    }

    /// Replaces the plan; it holds from the next request on.
    func plan(_ text: String) throws {
        // In one step: the proxy reads it at any time.
        try Data(text.utf8).write(to: URL(fileURLWithPath: planPath), options: .atomic)
    }

    /// The requests whose outcome is known.
    var requests: [Request] {
        let text = (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { try? JSONDecoder().decode(Request.self, from: Data($0.utf8)) }
    }

    /// Requests that the receiver took more than once.
    var repeats: Int {
        let taken = requests.filter(\.wasTaken).map(\.hash)
        return taken.count - Set(taken).count
    }

    /// Nobody listens any more.
    func stop() { process.stop() }
}
