import CEvents
import Containers
import Foundation
import Kernel
import Linux
import Ring

@testable import Probes

/// The kernel side with probes, a certificate and programs that speak TLS; what was said on connections, as the ring tells.
final class TLSRig {
    static let programs = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Programs")
    static func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    let kernel: KernelSide
    let folder: URL
    var book: ProbeBook
    private(set) var segments: [martlet_segment] = []
    private var bytes: [[UInt8]] = []
    /// By the number of the connection.
    private(set) var ends: [UInt64: (isInbound: Bool, localPort: UInt16, remotePort: UInt16)] = [:]
    private var ring: RingBox
    private var children: [Process] = []
    var certificate: String { folder.appending(path: "cert.pem").path }
    var key: String { folder.appending(path: "key.pem").path }

    private final class RingBox {
        var ring: BPFRing
        init(_ ring: consuming BPFRing) { self.ring = ring }
    }

    init(groupsProbes: Bool = true, captureBytes: Int = 1024, linger: UInt64 = 0) throws {
        var configuration = KernelSide.Configuration(processors: 1, memoryHierarchy: 0)
        configuration.ringBytes = 4 << 20
        configuration.groupsProbes = groupsProbes
        configuration.captureBytes = captureBytes
        kernel = try KernelSide(configuration, wanted: [.processes, .tcp, .tls, .tlsSockets])
        ring = RingBox(try kernel.ring(0))
        var settings = ProbeBook.Configuration()
        settings.delay = 0
        settings.listenerDelay = 0
        settings.linger = linger
        book = ProbeBook(kernel: kernel, configuration: settings)
        folder = FileManager.default.temporaryDirectory.appending(path: "martlet-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        _ = try run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-keyout", key, "-out", certificate,
            ])
    }

    deinit {
        for child in children where child.isRunning { kill(child.processIdentifier, SIGKILL) }
        for child in children { child.waitUntilExit() }
        try? FileManager.default.removeItem(at: folder)
    }

    /// Runs a program to its end and returns what it printed.
    func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> String {
        let child = try start(program, arguments, environment: environment)
        return child.finish()
    }

    struct Child {
        let process: Process
        let input: Pipe
        let output: Pipe
        var pid: UInt32 { UInt32(process.processIdentifier) }

        /// The next line it prints.
        func line() -> String { output.line() }

        func go() { input.fileHandleForWriting.write(Data("go\n".utf8)) }

        func finish() -> String {
            let data = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return String(decoding: data, as: UTF8.self)
        }
    }

    func start(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Child {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        children.append(process)
        return Child(process: process, input: input, output: output)
    }

    /// Builds a Go program.
    func go(_ options: [String] = []) throws -> String {
        let path = folder.appending(path: "web\(options.count)").path
        _ = try run(
            "/usr/bin/go", ["build"] + options + ["-o", path, Self.programs.appending(path: "web.go").path],
            environment: ["GO111MODULE": "off", "GOFLAGS": "", "GOCACHE": "/tmp/martlet-go-cache"])
        return path
    }

    /// Builds the Rust program; with all of it optimized together, or as a release build is.
    func rust(isWhole: Bool) throws -> String {
        let path = folder.appending(path: "web-rust").path
        _ = try run(
            "/bin/bash", [Self.programs.appending(path: "rust.sh").path, path, isWhole ? "whole" : "release"])
        return path
    }

    /// Certificate and key in the form that rustls takes without more libraries.
    func binaryCertificate() throws -> (certificate: String, key: String) {
        let (certificate, key) = (folder.appending(path: "cert.der").path, folder.appending(path: "key.der").path)
        _ = try run("/usr/bin/openssl", ["x509", "-in", self.certificate, "-outform", "DER", "-out", certificate])
        _ = try run(
            "/usr/bin/openssl",
            ["pkcs8", "-topk8", "-nocrypt", "-in", self.key, "-outform", "DER", "-out", key])
        return (certificate, key)
    }

    /// A Python server; the port it listens on.
    func serve() throws -> (child: Child, port: Int) {
        let server = try start(
            "/usr/bin/python3", [Self.programs.appending(path: "serve.py").path, certificate, key])
        return (server, Int(server.line()) ?? 0)
    }

    /// Gives probes to what these processes use.
    func attach(_ children: [Child]) {
        let living = children.map { TracedProcess(pid: $0.pid, start: 0, isListening: true) }
        for _ in 0..<3 { book.turn(living, now: MonotonicClock.now(), bootTime: MonotonicClock.bootTime()) }
    }

    /// Takes what is in the ring.
    func drain() {
        while true {
            let count = ring.ring.take(limit: 4096) { record in
                let header = record.loadUnaligned(as: martlet_header.self)
                switch header.type {
                case MARTLET_SEGMENT.rawValue:
                    let segment = record.loadUnaligned(as: martlet_segment.self)
                    let begin = MemoryLayout<martlet_segment>.size
                    segments.append(segment)
                    bytes.append(Array(record[begin..<(begin + Int(segment.captured))]))
                case MARTLET_TCP_ESTABLISHED.rawValue, MARTLET_TCP_ACCEPTED.rawValue:
                    let event = record.loadUnaligned(as: martlet_tcp.self)
                    ends[event.ends.id] = (
                        header.type == MARTLET_TCP_ACCEPTED.rawValue, event.ends.local_port, event.ends.remote_port
                    )
                default: break
                }
            }
            ring.ring.release()
            if count == 0 { return }
        }
    }

    /// What was said in one direction of each connection to a port, by its client or its server; each must be without gaps.
    func texts(port: Int, isInbound: Bool, isSent: Bool) throws -> [String] {
        var texts: [UInt64: [UInt8]] = [:]
        for (segment, bytes) in pieces(port: port, isInbound: isInbound, isSent: isSent) {
            guard segment.flags & UInt8(MARTLET_SEGMENT_TLS) != 0, Int(segment.offset) == texts[segment.id]?.count ?? 0,
                Int(segment.length) == bytes.count
            else { throw Gap(segment: "\(segment)") }
            texts[segment.id, default: []] += bytes
        }
        return texts.sorted { $0.key < $1.key }.map { String(decoding: $0.value, as: UTF8.self) }
    }

    /// The same as it came.
    func pieces(port: Int, isInbound: Bool, isSent: Bool) -> [(segment: martlet_segment, bytes: [UInt8])] {
        drain()
        return zip(segments, bytes).filter { segment, _ in
            guard let end = ends[segment.id], end.isInbound == isInbound else { return false }
            return Int(isInbound ? end.localPort : end.remotePort) == port
                && (segment.flags & UInt8(MARTLET_SEGMENT_SENT) != 0) == isSent
        }.map { (segment: $0, bytes: $1) }
    }

    func forgetSegments() { (segments, bytes, ends) = ([], [], [:]) }

    struct Gap: Error { var segment: String }

    /// Plain text whose connection was not found, and records without room.
    var losses: UInt64 { kernel.losses().flatMap { $0 }.reduce(0, +) }
}
