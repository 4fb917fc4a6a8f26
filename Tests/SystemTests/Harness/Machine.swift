import Foundation

/// What the tests need to know about the machine they run on.
enum Machine {
    /// The binary under test, from the environment variable `MARTLET_NODE`.
    static let agent = ProcessInfo.processInfo.environment["MARTLET_NODE"] ?? ""

    static var runsSystemTests: Bool {
        geteuid() == 0 && FileManager.default.isExecutableFile(atPath: agent)
    }

    /// `Tests/SystemTests/Helpers`.
    static let helpers = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Helpers").path

    /// The Kubernetes namespace of this run's pods: two runs on one machine do not take each other's for their own.
    static let namespace = "run-\(UInt16.random(in: .min ... .max))"

    /// 64 hexadecimal digits that never change.
    static let someID = String(repeating: "0123456789abcdef", count: 4)

    static var cores: Int { ProcessInfo.processInfo.processorCount }

    /// 64 hexadecimal digits: the form of a container id.
    static func containerID() -> String {
        (0..<4).map { _ in String(format: "%016llx", UInt64.random(in: .min ... .max)) }.joined()
    }

    /// A TCP port on which nobody listens, below the ephemeral range, whose destinations the agent does not report.
    static func freePort() throws -> Int {
        for _ in 0..<1000 {
            let port = UInt16.random(in: 20_000..<32_000)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if bound == 0 { return Int(port) }
        }
        throw Failure("no free TCP port below the ephemeral range")
    }

    /// Seconds since some moment in the past; never goes back.
    static var now: Double {
        Double(DispatchTime.now().uptimeNanoseconds) / 1e9
    }
}
