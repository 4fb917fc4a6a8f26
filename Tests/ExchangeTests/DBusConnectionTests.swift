import Foundation
import Glibc
import Linux
import TestSupport
import Testing

@testable import Exchange

extension ExchangeTests {
    /// The client against Debian's dbus-daemon, and against peers that do not keep to the protocol.
    @Suite struct DBusConnectionTests {
        private static let second: UInt64 = 1_000_000_000
        private static let bus = "org.freedesktop.DBus"

        private func connect(
            _ path: String, isBus: Bool = false, seconds: Double = 5
        ) throws(ExchangeError) -> DBusConnection {
            try DBusConnection.connect(
                to: path, root: RootDirectory("/"), isBus: isBus,
                deadline: MonotonicClock.now() + UInt64(seconds * Double(Self.second)))
        }

        // MARK: A real bus

        private static let daemon = "/usr/bin/dbus-daemon"

        /// A private bus that lives as long as `body` runs.
        private func withBus(_ body: (String) throws -> Void) throws {
            let folder = try FixtureDirectory()
            let socket = folder.path + "/bus"
            try folder.write(
                "bus.conf",
                """
                <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
                 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
                <busconfig>
                  <listen>unix:path=\(socket)</listen>
                  <policy context="default"><allow eavesdrop="true"/><allow send_destination="*"/><allow own="*"/><allow user="*"/></policy>
                </busconfig>
                """)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: Self.daemon)
            process.arguments = ["--config-file=\(folder.path)/bus.conf", "--nofork", "--nopidfile"]
            try process.run()
            defer {
                // The test runner has blocked SIGTERM, and its children inherit that.
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
            }
            for _ in 0..<500 where access(socket, F_OK) != 0 { usleep(10_000) }
            try body(socket)
        }

        @Test(.enabled(if: access(daemon, X_OK) == 0, "dbus-daemon is not installed"))
        func readsPropertiesOfARealBus() throws {
            try withBus { socket in
                var connection = try connect(socket, isBus: true)
                func property(_ name: String) -> DBusCall {
                    .property(name, of: Self.bus, path: "/org/freedesktop/DBus", destination: Self.bus)
                }
                let interfaces = try connection.callForVariant(property("Interfaces"))
                #expect(interfaces.contains("org.freedesktop.DBus.Monitoring"))
                #expect(throws: ExchangeError.notFound) { try connection.callForVariant(property("Nonsense")) }
                #expect(throws: ExchangeError.notFound) {
                    try connection.callForVariant(.property("A", of: "b.c", path: "/", destination: "no.such.service"))
                }
                // The connection is still in order.
                #expect(try connection.callForVariant(property("Interfaces")) == interfaces)
            }
        }

        /// A bus throws out who does not greet it first.
        @Test(.enabled(if: access(daemon, X_OK) == 0, "dbus-daemon is not installed"))
        func aBusIsNoPeer() throws {
            try withBus { socket in
                var connection = try connect(socket)
                #expect(throws: ExchangeError.self) {
                    try connection.callForVariant(
                        .property("Interfaces", of: Self.bus, path: "/org/freedesktop/DBus", destination: Self.bus))
                }
            }
        }

        // MARK: Scripted peers

        /// Lets a peer say OK, take the call and answer with `answer`; what the call brings.
        private func ask(_ answer: [UInt8], seconds: Double = 2) throws -> [String] {
            let folder = try FixtureDirectory()
            let server = try UnixServer(folder.path + "/private") { client in
                UnixServer.request(client)
                UnixServer.send(client, "OK 0123456789abcdef\r\n")
                // The call itself.
                UnixServer.request(client)
                UnixServer.send(client, answer)
                if !answer.isEmpty { UnixServer.waitForEnd(client) }
            }
            defer { server.stop() }
            var connection = try connect(folder.path + "/private", seconds: seconds)
            return try connection.callForVariant(.property("Type", of: "a.b", path: "/a", destination: "c.d"))
        }

        /// A message in either byte order: `fields` are those of the header, `body` is marshaled already.
        private func message(
            type: UInt8, fields: [UInt8], body: [UInt8] = [], bigEndian: Bool = false, bodyLength: UInt32? = nil,
            fieldsLength: UInt32? = nil
        ) -> [UInt8] {
            func number(_ value: UInt32) -> [UInt8] {
                let bytes = (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
                return bigEndian ? bytes.reversed() : bytes
            }
            var bytes = [UInt8(ascii: bigEndian ? "B" : "l"), type, 0, 1] + number(bodyLength ?? UInt32(body.count))
            bytes += number(7) + number(fieldsLength ?? UInt32(fields.count)) + fields
            while bytes.count % 8 != 0 { bytes.append(0) }
            return bytes + body
        }

        private let replyFields: [UInt8] = [5, 1, 117, 0, 1, 0, 0, 0, 8, 1, 103, 0, 1, 118, 0]
        private let simple: [UInt8] = [1, 115, 0, 0, 6, 0, 0, 0] + Array("simple\0".utf8)

        @Test func readsBothByteOrdersAndSkipsWhatWasNotAsked() throws {
            #expect(try ask(message(type: 2, fields: replyFields, body: simple)) == ["simple"])
            let bigFields: [UInt8] = [5, 1, 117, 0, 0, 0, 0, 1, 8, 1, 103, 0, 1, 118, 0]
            let bigBody: [UInt8] = [1, 115, 0, 0, 0, 0, 0, 6] + Array("simple\0".utf8)
            #expect(try ask(message(type: 2, fields: bigFields, body: bigBody, bigEndian: true)) == ["simple"])
            let signal = message(type: 4, fields: [1, 1, 111, 0, 1, 0, 0, 0, 47, 0], body: simple)
            let another = message(type: 2, fields: [5, 1, 117, 0, 99, 0, 0, 0], body: simple)
            #expect(try ask(signal + another + message(type: 2, fields: replyFields, body: simple)) == ["simple"])
        }

        @Test func readsLists() throws {
            func list(_ body: [UInt8]) throws -> [String] { try ask(message(type: 2, fields: replyFields, body: body)) }
            let two: [UInt8] = [2, 97, 115, 0, 16, 0, 0, 0, 1, 0, 0, 0, 97, 0, 0, 0, 3, 0, 0, 0, 98, 99, 100, 0]
            #expect(try list(two) == ["a", "bcd"])
            #expect(try list([2, 97, 115, 0, 0, 0, 0, 0]) == [])
            // Another type is no text.
            #expect(try list([1, 117, 0, 0, 1, 0, 0, 0]) == [])
        }

        @Test func errorsOfThePeer() throws {
            func error(_ name: String) -> [UInt8] {
                var fields: [UInt8] = [5, 1, 117, 0, 1, 0, 0, 0, 4, 1, 115, 0]
                fields += [UInt8(name.utf8.count), 0, 0, 0] + Array(name.utf8) + [0]
                return message(type: 3, fields: fields)
            }
            #expect(throws: ExchangeError.notFound) { try ask(error("org.freedesktop.DBus.Error.UnknownObject")) }
            #expect(throws: ExchangeError.failed(Errno(EACCES))) {
                try ask(error("org.freedesktop.DBus.Error.AccessDenied"))
            }
            #expect(throws: ExchangeError.failed(Errno(EREMOTEIO))) { try ask(error("com.example.Odd")) }
        }

        @Test func malformedMessages() throws {
            let good = message(type: 2, fields: replyFields, body: simple)
            for bad in [
                Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8),
                // Lengths that lie: of the body, of the fields, of a text, of a list.
                message(type: 2, fields: replyFields, body: simple, bodyLength: .max),
                message(type: 2, fields: replyFields, body: simple, fieldsLength: .max),
                message(type: 2, fields: replyFields, body: [1, 115, 0, 0, 255, 255, 255, 255, 65, 0]),
                message(type: 2, fields: replyFields, body: [2, 97, 115, 0, 255, 255, 255, 127, 1, 0, 0, 0, 97, 0]),
                message(type: 2, fields: replyFields, body: [2, 97, 115, 0, 5, 0, 0, 0, 9, 0, 0, 0, 97, 0]),
                message(type: 2, fields: replyFields, body: []),
                // Containers in a variant, and fields that end early.
                message(type: 2, fields: replyFields, body: [5, 97, 123, 115, 118, 125, 0, 0]),
                message(type: 2, fields: [5, 1, 117], body: simple),
                message(type: 2, fields: [5, 1, 115, 0, 1, 0, 0, 0], body: simple),
                message(type: 2, fields: [8, 200, 103], body: simple),
            ] {
                #expect(throws: ExchangeError.self) { try ask(bad) }
            }
            // Every byte of a good answer replaced: an error or a text, never a crash or an endless wait.
            for index in good.indices {
                for value in [0, 1, 0x7F, 0xFF] as [UInt8] {
                    var bad = good
                    bad[index] = value
                    _ = try? ask(bad, seconds: 0.05)
                }
            }
        }

        @Test func endlessSignalsEnd() throws {
            let signal = message(
                type: 4, fields: [1, 1, 111, 0, 1, 0, 0, 0, 47, 0], body: [UInt8](repeating: 0, count: 60_000))
            #expect(throws: ExchangeError.tooLarge(limit: 262_144)) {
                try ask(signal + signal + signal + signal + signal)
            }
        }

        @Test func authentication() throws {
            for (answer, expected) in [
                ("REJECTED EXTERNAL\r\n", .failed(Errno(EACCES))), ("ERROR\r\n", .malformed("no D-Bus authentication")),
                (String(repeating: "x", count: 5000), .tooLarge(limit: 1024)),
                ("", .malformed("the answer ends early")),
            ] as [(String, ExchangeError)] {
                let folder = try FixtureDirectory()
                let server = try UnixServer(folder.path + "/private") { client in
                    UnixServer.request(client)
                    UnixServer.send(client, answer)
                }
                defer { server.stop() }
                #expect(throws: expected) { _ = try connect(folder.path + "/private") }
            }
        }

        /// A peer that is silent, and one that never comes to an end, cost the deadline and no more.
        @Test(arguments: [true, false]) func slowPeers(isSilent: Bool) throws {
            let folder = try FixtureDirectory()
            let server = try UnixServer(folder.path + "/private") { client in
                if isSilent { return UnixServer.waitForEnd(client) }
                while UnixServer.send(client, [UInt8(ascii: "O")]) { usleep(20_000) }
            }
            defer { server.stop() }
            let start = MonotonicClock.now()
            #expect(throws: ExchangeError.timedOut) { _ = try connect(folder.path + "/private", seconds: 0.3) }
            #expect(MonotonicClock.now() - start < 2 * Self.second)
        }

        @Test(arguments: [
            ("nginx.service", "nginx_2eservice"), ("a-b@0.service", "a_2db_400_2eservice"), ("0x", "_30x"), ("", "_"),
            (#"x\x2dy.swap"#, "x_5cx2dy_2eswap"), ("é", "_c3_a9"),
        ])
        func pathElements(name: String, element: String) { #expect(DBusCall.pathElement(name) == element) }
    }
}
