internal import Containers
internal import Glibc
internal import Kernel
internal import Linux
internal import Symbols

/// Which files have probes, and which live processes need them.
///
/// A process is looked at when it is old enough, and again a few times for what it loads later. A file is examined once while
/// any process uses it, whatever comes of that, and loses its probes a while after the last one is gone. So much is done in one
/// turn, and no more.
///
/// Used by one thread at a time. Blocks.
struct ProbeBook {
    struct Configuration: Sendable {
        var procfs = "/proc"
        /// Age from which on a process that only connects is looked at, in nanoseconds.
        var delay: UInt64 = 30_000_000_000
        /// The same of one that listens: by then its environment was read.
        var listenerDelay: UInt64 = 1_000_000_000
        /// How long the probes of a file without processes stay.
        var linger: UInt64 = 10_000_000_000
        var looksPerTurn = 50
        var filesPerTurn = 5
        var maximumFiles = 1024
    }

    /// What is counted.
    struct Figures: Sendable {
        var attached: [TLSLibrary: Int] = [:]
        var refused: [ProbeRefusal: UInt64] = [:]
        var followsSockets = false
        var failedLooks: UInt64 = 0
        var links = 0
    }

    private struct File {
        var users = 0
        /// CLOCK_MONOTONIC, when the last one was gone.
        var unusedSince: UInt64 = 0
        /// Nil for one that has nothing to do with TLS, or was refused.
        var library: TLSLibrary?
        /// Their release takes the probes away: entries before returns, so in this order.
        var links: [ProbeLinks] = []

        mutating func leave(_ now: UInt64) {
            users -= 1
            unusedSince = now
        }
    }

    private struct Process {
        var start: UInt64
        var nextLook: UInt64
        var looks = 0
        var files = Set<FileIdentity>()
        var needsSockets = false
    }

    /// Between the first look and the next ones, in seconds; none after the last.
    private static let pauses: [UInt64] = [5, 15, 60, 300]
    private static let socketsLinger: UInt64 = 60_000_000_000

    private let kernel: KernelSide
    private let configuration: Configuration
    private var processes: [UInt32: Process] = [:]
    private var files: [FileIdentity: File] = [:]
    private var sockets: ProbeLinks?
    private var socketsNeeded: UInt64 = 0
    private var socketsRefused = false
    /// For tests: as if some process needed them.
    var followSocketsAlways = false
    private(set) var figures = Figures()

    init(kernel: KernelSide, configuration: Configuration) {
        self.kernel = kernel
        self.configuration = configuration
    }

    /// Takes over which processes live and does what is due.
    ///
    /// - Parameters:
    ///   - now: CLOCK_MONOTONIC.
    ///   - bootTime: CLOCK_BOOTTIME, as process starts are.
    mutating func turn(_ living: [TracedProcess], now: UInt64, bootTime: UInt64) {
        forget(living, now)
        var looks = configuration.looksPerTurn
        var examinations = configuration.filesPerTurn
        for process in living where looks > 0 && examinations > 0 {
            let delay = process.isListening ? configuration.listenerDelay : configuration.delay
            if processes[process.pid] == nil {
                guard bootTime >= process.start &+ delay else { continue }
                processes[process.pid] = Process(start: process.start, nextLook: now)
            }
            guard let known = processes[process.pid], known.nextLook <= now else { continue }
            looks -= 1
            look(process.pid, now, &examinations)
        }
        release(now)
        followSockets(now)
        count()
    }

    // MARK: Processes

    private mutating func forget(_ living: [TracedProcess], _ now: UInt64) {
        var starts: [UInt32: UInt64] = [:]
        for process in living { starts[process.pid] = process.start }
        var ended = Set<UInt32>()
        for (pid, process) in processes where starts[pid] != process.start {
            ended.insert(pid)
            for file in process.files { files[file]?.leave(now) }
        }
        if ended.isEmpty { return }
        for pid in ended { processes[pid] = nil }
        kernel.forgetTLS(of: ended)
    }

    private mutating func look(_ pid: UInt32, _ now: UInt64, _ examinations: inout Int) {
        guard var process = processes[pid] else { return }
        let isLast = process.looks >= Self.pauses.count
        process.nextLook = isLast ? .max : now &+ Self.pauses[process.looks] &* 1_000_000_000
        process.looks += 1
        defer { processes[pid] = process }
        let mappings: ProcessMappings
        do throws(Errno) {
            mappings = try .read(procfs: configuration.procfs, pid: pid)
        } catch {
            if error != .notFound, error != .noProcess { figures.failedLooks &+= 1 }
            return
        }
        for mapping in mappings.mappings {
            do throws(Errno) {
                let file = try ProcessMappings.open(mapping, procfs: configuration.procfs, pid: pid)
                guard let identity = FileIdentity(file), !process.files.contains(identity) else { continue }
                if files[identity] == nil {
                    guard examinations > 0 else {
                        // The rest in the next turn.
                        process.nextLook = now
                        process.looks -= 1
                        return
                    }
                    examinations -= 1
                    files[identity] = examine(file, mapping)
                }
                process.files.insert(identity)
                files[identity]?.users += 1
                let library = files[identity]?.library
                if library == .rustls || library != nil && mappings.hidesDescriptors { process.needsSockets = true }
            } catch {
                figures.refused[.unreadable, default: 0] &+= 1
            }
        }
    }

    // MARK: Files

    private mutating func examine(_ file: consuming FileDescriptor, _ mapping: ProcessMappings.Mapping) -> File {
        var entry = File()
        do throws(ProbeRefusal) {
            // Stays open until the probes hold the file.
            let held: FileDescriptor
            do throws(Errno) { held = try file.duplicate() } catch { throw .unreadable }
            guard let elf = ELFFile(file) else { return entry }
            guard let plan = try ProbePlan.make(for: elf, name: mapping.name, isProgram: mapping.isProgram) else {
                return entry
            }
            guard files.count < configuration.maximumFiles else { throw .full }
            entry.links = try attach(plan, "/proc/self/fd/\(held.raw)")
            entry.library = plan.library
        } catch {
            figures.refused[error, default: 0] &+= 1
        }
        return entry
    }

    private func attach(_ plan: ProbePlan, _ path: String) throws(ProbeRefusal) -> [ProbeLinks] {
        var links = [ProbeLinks]()
        for step in plan.steps {
            do throws(Errno) {
                links.append(try kernel.attach(step.program, to: path, places: step.places))
            } catch {
                throw .kernel
            }
        }
        return links.reversed()
    }

    private mutating func release(_ now: UInt64) {
        for (identity, file) in files where file.users == 0 && now >= file.unusedSince &+ configuration.linger {
            files[identity] = nil
        }
    }

    /// The two tracepoints are attached while some process needs them, and a while longer: the next one may begin soon.
    private mutating func followSockets(_ now: UInt64) {
        let unpaired = kernel.unpairedProcesses()
        var gone = Set<UInt32>()
        for pid in unpaired {
            if kill(pid_t(bitPattern: pid), 0) == 0 || errno != ESRCH { socketsNeeded = now } else { gone.insert(pid) }
        }
        // Whoever came and went within a turn needed them too.
        if !gone.isEmpty {
            socketsNeeded = now
            kernel.forgetTLS(of: gone)
        }
        if followSocketsAlways || processes.values.contains(where: \.needsSockets) { socketsNeeded = now }
        let isNeeded = socketsNeeded > 0 && now < socketsNeeded &+ Self.socketsLinger
        if !isNeeded {
            sockets = nil
        } else if sockets == nil, !socketsRefused {
            sockets = try? kernel.attachTLSSockets()
            socketsRefused = sockets == nil
        }
    }

    private mutating func count() {
        figures.attached = [:]
        figures.links = sockets?.count ?? 0
        for file in files.values {
            guard let library = file.library else { continue }
            figures.attached[library, default: 0] += 1
            figures.links += file.links.reduce(0) { $0 + $1.count }
        }
        figures.followsSockets = sockets != nil
    }
}
