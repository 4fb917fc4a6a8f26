import Foundation
import Testing

/// A real PostgreSQL with an empty database below a test's scratch folder.
enum PostgresServer {
    /// Makes the database; returns the command that serves it on a port.
    static func command(in scratch: Scratch, port: Int) throws -> [String] {
        let binaries = try #require(
            try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql").sorted().last
                .map { "/usr/lib/postgresql/\($0)/bin" })
        let folder = scratch.file("data")
        chmod(scratch.path, 0o755)
        try Command.check(["install", "-d", "-o", "postgres", folder])
        try Command.check(["runuser", "-u", "postgres", "--", binaries + "/initdb", "-D", folder, "-A", "trust"])
        return [
            "runuser", "-u", "postgres", "--", binaries + "/postgres", "-D", folder, "-p", "\(port)", "-c",
            "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off",
        ]
    }

    /// How clients of libpq find it.
    static func address(port: Int) -> String { "host=127.0.0.1 port=\(port) user=postgres dbname=postgres" }
}
