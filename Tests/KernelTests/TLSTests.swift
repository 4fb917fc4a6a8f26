import CEvents
import Foundation
import Linux
import Testing

@testable import Probes

extension KernelTests {
    /// The plain text of real programs' TLS: every byte, in order, with the connection that it went over.
    @Suite struct TLS {
        private static let count = 20

        /// One client against the Python server; both ends are seen.
        private func check(
            _ rig: TLSRig, port: Int, connections: Int = 1, requests: Int = count, ends: [Bool] = [false, true],
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            for (isInbound, isSent) in [(false, true), (true, false)] where ends.contains(isInbound) {
                let texts = try rig.texts(port: port, isInbound: isInbound, isSent: isSent)
                #expect(texts.count == connections, "\(isInbound)", sourceLocation: sourceLocation)
                for text in texts {
                    let paths = text.split(separator: "\r\n").filter { $0.hasPrefix("GET ") }
                    #expect(
                        paths.map(String.init) == (0..<requests).map { "GET /item-\($0) HTTP/1.1" },
                        sourceLocation: sourceLocation)
                }
            }
            for (isInbound, isSent) in [(false, false), (true, true)] where ends.contains(isInbound) {
                let texts = try rig.texts(port: port, isInbound: isInbound, isSent: isSent)
                #expect(texts.count == connections, "\(isInbound)", sourceLocation: sourceLocation)
                for text in texts {
                    let answers = text.components(separatedBy: "answer to /").dropFirst().map { part in
                        part.prefix { $0 != "\n" }
                    }
                    #expect(
                        answers.map(String.init) == (0..<requests).map { "item-\($0)" }, sourceLocation: sourceLocation)
                }
            }
        }

        @Test(.enabled(if: TLSRig.has("/usr/bin/python3")), arguments: [true, false])
        func python(_ groupsProbes: Bool) throws {
            let rig = try TLSRig(groupsProbes: groupsProbes)
            let (server, port) = try rig.serve()
            let client = try rig.start(
                "/usr/bin/python3",
                [TLSRig.programs.appending(path: "get.py").path, "\(port)", "\(Self.count)", "socket"])
            rig.attach([server, client])
            #expect(rig.book.figures.attached[.openssl] == 1)
            client.go()
            #expect(client.finish() == "done\n")
            try check(rig, port: port)
            #expect(rig.losses == 0)
        }

        /// Long reads come whole; of a write that is too long for that, the beginning comes and the end.
        @Test(.enabled(if: TLSRig.has("/usr/bin/python3")))
        func ends() throws {
            let rig = try TLSRig()
            let (server, port) = try rig.serve()
            let client = try rig.start(
                "/usr/bin/python3",
                [TLSRig.programs.appending(path: "get.py").path, "\(port)", "\(Self.count)", "socket", "big"])
            rig.attach([server, client])
            client.go()
            #expect(client.finish() == "done\n")
            checkEnds(rig, port: port, connections: 1, length: 100_000)
            #expect(rig.losses == 0)
        }

        /// Answers of so many bytes and a line: nothing of them is reported twice, and of each piece all came, or the beginning and the
        /// end.
        private func checkEnds(_ rig: TLSRig, port: Int, connections: Int, length: Int) {
            let tail = Int(MARTLET_TAIL_BYTES)
            for (isInbound, isSent) in [(true, true), (false, false)] {
                var positions: [UInt64: UInt32] = [:]
                var (beginnings, answers, wholes, shortened) = (0, 0, 0, 0)
                for (segment, bytes) in rig.pieces(port: port, isInbound: isInbound, isSent: isSent) {
                    #expect(segment.offset == positions[segment.id] ?? 0)
                    positions[segment.id] = segment.offset + segment.length
                    let hasEnd = segment.flags & UInt8(MARTLET_SEGMENT_ENDS) != 0
                    if segment.length > 1024 + tail { if hasEnd { shortened += 1 } else { wholes += 1 } }
                    #expect(bytes.count == (hasEnd ? 1024 + tail : Int(segment.length)))
                    let beginning = String(decoding: hasEnd ? bytes[tail...] : bytes[...], as: UTF8.self)
                    let end = String(decoding: hasEnd ? bytes[..<tail] : bytes[...], as: UTF8.self)
                    if beginning.hasPrefix("HTTP/1.1 200 OK\r\n") { beginnings += 1 }
                    if end.hasSuffix("xanswer to /big-\(answers / connections)\n") { answers += 1 }
                }
                #expect(beginnings == Self.count * connections && answers == Self.count * connections)
                #expect(isSent ? shortened + wholes > 0 : wholes > 0)
                #expect(positions.count == connections)
                for position in positions.values {
                    // Head and last line of an answer have about 60 bytes.
                    let each = Int(position) / Self.count - length
                    #expect(each > 50 && each < 80, "\(position)")
                }
            }
        }

        /// Memory BIOs: the library never sees a descriptor.
        @Test(.enabled(if: TLSRig.has("/usr/bin/python3")))
        func asyncio() throws {
            let rig = try TLSRig()
            let (server, port) = try rig.serve()
            let client = try rig.start(
                "/usr/bin/python3",
                [TLSRig.programs.appending(path: "get.py").path, "\(port)", "\(Self.count)", "asyncio"])
            rig.book.followSocketsAlways = true
            rig.attach([server, client])
            client.go()
            #expect(client.finish() == "done\n")
            try check(rig, port: port, connections: 2)
        }

        @Test(.enabled(if: TLSRig.has("/usr/bin/node"), "no Node.js"))
        func node() throws {
            let rig = try TLSRig()
            let (server, port) = try rig.serve()
            let client = try rig.start(
                "/usr/bin/node", [TLSRig.programs.appending(path: "get.js").path, "\(port)", "\(Self.count)"])
            rig.attach([server, client])
            #expect(rig.book.figures.followsSockets)
            client.go()
            #expect(client.finish() == "done\n")
            try check(rig, port: port)
        }

        @Test(.enabled(if: TLSRig.has("/usr/bin/curl"), "no curl"))
        func curl() throws {
            let rig = try TLSRig()
            let (server, port) = try rig.serve()
            rig.book.followSocketsAlways = true
            rig.attach([server])
            let urls = (0..<Self.count).map { "https://127.0.0.1:\(port)/item-\($0)" }
            let output = try rig.run("/usr/bin/curl", ["-sk", "--http1.1"] + urls)
            #expect(output.split(separator: "\n").count == Self.count)
            try check(rig, port: port)
        }

        @Test(.enabled(if: TLSRig.has("/usr/bin/gnutls-cli"), "no gnutls-cli"))
        func gnutls() throws {
            let rig = try TLSRig()
            let (server, port) = try rig.serve()
            let client = try rig.start(
                "/usr/bin/gnutls-cli", ["--insecure", "--logfile=/dev/null", "-p", "\(port)", "127.0.0.1"])
            usleep(500_000)
            rig.attach([server, client])
            #expect(rig.book.figures.attached[.gnutls] == 1)
            for index in 0..<Self.count {
                client.input.fileHandleForWriting.write(
                    Data("GET /item-\(index) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
                usleep(20_000)
            }
            usleep(200_000)
            try client.input.fileHandleForWriting.close()
            _ = client.finish()
            // The server waited in a call that began before there were probes: its end is not seen.
            try check(rig, port: port, ends: [false])
        }

        private static let canLink =
            TLSRig.has("/usr/bin/gcc") && TLSRig.has("/usr/lib/x86_64-linux-gnu/libssl.a")

        @Test(.enabled(if: canLink, "no libssl.a"))
        func linkedStatically() throws {
            let rig = try TLSRig()
            let (server, port) = try rig.serve()
            let program = rig.folder.appending(path: "get").path
            _ = try rig.run(
                "/usr/bin/gcc",
                [
                    "-O2", "-o", program, TLSRig.programs.appending(path: "get.c").path, "-l:libssl.a",
                    "-l:libcrypto.a", "-ldl", "-lpthread",
                ])
            let client = try rig.start(program, ["\(port)", "\(Self.count)"])
            rig.attach([server, client])
            #expect(rig.book.figures.attached[.openssl] == 2)
            client.go()
            #expect(client.finish() == "done\n")
            try check(rig, port: port)
        }

        /// Libraries with other layouts, from other Debian releases.
        @Test(.enabled(if: TLSRig.has("/usr/bin/gcc"), "no gcc"), arguments: OtherLibrary.allCases)
        func otherLibraries(_ library: OtherLibrary) throws {
            let folder: String
            do { folder = try library.folder() } catch { try Test.cancel("no \(library.package): \(error)") }
            let rig = try TLSRig()
            let (server, port) = try rig.serve()
            let program = rig.folder.appending(path: "get").path
            let options = ["-O2", "-Wl,--allow-shlib-undefined", "-o", program] + library.options
            _ = try rig.run(
                "/usr/bin/gcc",
                options + [TLSRig.programs.appending(path: "get.c").path] + library.files.map { folder + "/" + $0 })
            let command = library.command(program, in: folder) + ["\(port)", "\(Self.count)"]
            let client = try rig.start(
                command[0], Array(command.dropFirst()),
                environment: library.needsLoader ? [:] : ["LD_LIBRARY_PATH": folder])
            rig.attach([server, client])
            #expect(rig.book.figures.attached[.openssl] == 2)
            client.go()
            #expect(client.finish() == "done\n")
            try check(rig, port: port)
            #expect(rig.losses == 0)
        }

        @Test(
            .enabled(if: TLSRig.has("/usr/bin/go"), "no Go"),
            arguments: [[], ["-ldflags", "-s -w"], ["-buildmode=pie", "-ldflags", "-s -w"]])
        func go(_ options: [String]) throws {
            let rig = try TLSRig()
            let program = try rig.go(options)
            let server = try rig.start(program, ["serve", rig.certificate, rig.key])
            let port = Int(server.line()) ?? 0
            let client = try rig.start(program, ["get", "https://127.0.0.1:\(port)", "\(Self.count)"])
            rig.attach([server, client])
            #expect(rig.book.figures.attached[.go] == 1)
            client.go()
            #expect(client.finish() == "done\n")
            try check(rig, port: port)
            #expect(rig.losses == 0)
        }

        private static let hasRust =
            TLSRig.has("/usr/bin/cargo") && TLSRig.has("/usr/share/cargo/registry/rustls-0.20.8")

        /// A session takes less than all of these answers, and gets the rest once more.
        @Test(.enabled(if: hasRust, "no Rust with rustls"))
        func rustlsEnds() throws {
            let rig = try TLSRig()
            let program = try rig.rust(isWhole: false)
            let (certificate, key) = try rig.binaryCertificate()
            let server = try rig.start(program, ["serve", certificate, key])
            let port = Int(server.line()) ?? 0
            let client = try rig.start(program, ["get", "\(port)", "\(Self.count)", "1.3", "big"])
            rig.attach([server, client])
            client.go()
            #expect(client.finish() == "done\n")
            checkEnds(rig, port: port, connections: 2, length: 300_000)
            #expect(rig.losses == 0)
        }

        /// A thread for each connection of the server, two connections of the client on one; a whole program that is optimized
        /// together has the fewest functions. Others, which take the same arguments: MARTLET_RUSTLS_PROGRAM.
        @Test(
            .enabled(if: hasRust, "no Rust with rustls"),
            arguments: [(false, "1.3"), (false, "1.2"), (true, "1.3")])
        func rustls(_ isWhole: Bool, _ version: String) throws {
            let rig = try TLSRig()
            let own = ProcessInfo.processInfo.environment["MARTLET_RUSTLS_PROGRAM"]
            let program = try own ?? rig.rust(isWhole: isWhole)
            let (certificate, key) = try rig.binaryCertificate()
            let server = try rig.start(program, ["serve", certificate, key])
            let port = Int(server.line()) ?? 0
            let client = try rig.start(program, ["get", "\(port)", "\(Self.count)", version])
            rig.attach([server, client])
            #expect(rig.book.figures.attached[.rustls] == 1)
            client.go()
            #expect(client.finish() == "done\n")
            try check(rig, port: port, connections: 2)
            #expect(rig.losses == 0)
        }

        /// Probes are there as long as a process needs them, for all processes of one file once, and no descriptor stays.
        @Test(.enabled(if: TLSRig.has("/usr/bin/python3")))
        func probesGoWithTheLastProcess() throws {
            let rig = try TLSRig()
            let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
            let (first, _) = try rig.serve()
            let (second, _) = try rig.serve()
            rig.attach([first, second])
            #expect(rig.book.figures.attached == [.openssl: 1])
            rig.attach([second])
            #expect(rig.book.figures.attached == [.openssl: 1])
            rig.attach([])
            #expect(rig.book.figures.attached == [:])
            #expect(rig.book.figures.links == 0)
            let pipes = 2 * 3
            let after = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
            #expect(after <= before + pipes)
        }

        /// Probes come and go many times a second under load: every request is answered, no program ends otherwise. For longer:
        /// MARTLET_DISTURB_SECONDS.
        @Test(.enabled(if: TLSRig.has("/usr/bin/python3") && TLSRig.has("/usr/bin/go"), "no Python or Go"))
        func disturbsNobody() throws {
            let seconds = Double(ProcessInfo.processInfo.environment["MARTLET_DISTURB_SECONDS"] ?? "") ?? 20
            let rig = try TLSRig()
            let (python, pythonPort) = try rig.serve()
            let web = try rig.go(["-ldflags", "-s -w"])
            let go = try rig.start(web, ["serve", rig.certificate, rig.key])
            let goPort = Int(go.line()) ?? 0
            let get = TLSRig.programs.appending(path: "get.py").path
            func clients() throws -> [TLSRig.Child] {
                var made = [
                    try rig.start("/usr/bin/python3", [get, "\(pythonPort)", "2000", "socket"]),
                    try rig.start("/usr/bin/python3", [get, "\(pythonPort)", "1000", "asyncio"]),
                    try rig.start(web, ["get", "https://127.0.0.1:\(goPort)", "10000"]),
                ]
                if TLSRig.has("/usr/bin/node") {
                    made.append(
                        try rig.start(
                            "/usr/bin/node", [TLSRig.programs.appending(path: "get.js").path, "\(pythonPort)", "2000"]))
                }
                for client in made { client.go() }
                return made
            }
            let end = Date().addingTimeInterval(seconds)
            var (rounds, turns) = (0, 0)
            var running = try clients()
            rig.book.followSocketsAlways = true
            while Date() < end {
                rig.attach([python, go] + running)
                usleep(100_000)
                rig.attach([])
                rig.drain()
                rig.forgetSegments()
                turns += 1
                guard running.allSatisfy({ !$0.process.isRunning }) else { continue }
                for client in running {
                    #expect(client.finish() == "done\n")
                    #expect(client.process.terminationStatus == 0)
                }
                rounds += 1
                running = try clients()
            }
            for client in running {
                #expect(client.finish() == "done\n")
                #expect(client.process.terminationStatus == 0)
            }
            #expect(python.process.isRunning && go.process.isRunning)
            print("attached and detached \(turns) times under \(rounds) rounds of clients")
            #expect(turns > 5 && rounds > 0)
        }
    }
}
