/// The instructions of a function and of what it ends in, and the ways between them.
///
/// A probe on an instruction that the kernel emulates costs a breakpoint; on any other one also a single step, which costs ten
/// times as much in a virtual machine (docs/tls.md). So probes are put on the former where it comes to the same, and nowhere
/// else: whatever is not understood keeps its probe where the function begins or returns. For x86-64.
struct FunctionCode {
    private struct Place {
        var instruction: Instruction
        var bytes: ArraySlice<UInt8>
        /// Where the one before it is, in the same part.
        var previous: UInt64?
    }

    /// Instructions that are kept; of a longer function only the beginning is looked at.
    private static let placeLimit = 8192
    /// Instructions that are followed from an entry on, or back from a return.
    private static let stepLimit = 24
    /// Places that may stand for one return.
    private static let sitesPerReturn = 8
    /// RDI, RSI, RDX, RCX: the System V ABI, 3.2.3.
    private static let argumentRegisters = [7, 6, 2, 1]
    private static let depthLimit = 0xFFFF

    private let machine: ELFFile.Machine
    private var places: [UInt64: Place] = [:]
    /// Direct jumps by where they go.
    private var sources: [UInt64: [UInt64]] = [:]
    private(set) var returns = Set<UInt64>()
    /// Where the parts that were added go on beyond themselves.
    var leaving = Set<UInt64>()
    /// Whether every way to an instruction is known.
    var isWhole = true

    init(machine: ELFFile.Machine) { self.machine = machine }

    /// Adds a part; false where it cannot be decoded to its end.
    mutating func add(_ code: [UInt8], at address: UInt64) -> Bool {
        var offset = 0
        var previous: UInt64?
        while offset < code.count {
            guard let instruction = machine.decode(code, at: offset) else { return false }
            let here = address &+ UInt64(offset)
            let bytes = code[offset..<(offset + instruction.length)]
            offset += instruction.length
            if places.count >= Self.placeLimit { isWhole = false }
            if machine == .amd64, places.count < Self.placeLimit {
                places[here] = Place(
                    instruction: instruction, bytes: bytes, previous: previous ?? places[here]?.previous)
                if X86Effect.isHiddenJump(bytes) { isWhole = false }
            }
            previous = here
            switch instruction.kind {
            case .return: returns.insert(here)
            case .jump(let distance), .conditionalJump(let distance):
                let target = address &+ UInt64(offset) &+ UInt64(bitPattern: Int64(distance))
                sources[target, default: []].append(here)
                if target &- address >= UInt64(code.count) { leaving.insert(target) }
            // It may be by a table, to anywhere in the function.
            case .indirectJump: isWhole = false
            case .call, .other: break
            }
        }
        return true
    }

    // MARK: Beginnings

    func entrySite(at entry: UInt64, arguments: Int) -> ProbeSite {
        let kept = Self.argumentRegisters.prefix(arguments)
        var (address, depth) = (entry, 0)
        for _ in 0..<Self.stepLimit {
            guard let place = places[address], address == entry || sources[address] == nil else { break }
            if X86Effect.isEmulated(place.bytes, place.instruction.kind) { return ProbeSite(address, depth: depth) }
            guard case .other = place.instruction.kind else { break }
            switch X86Effect(of: place.bytes) {
            case .none, .store, .nop: break
            case .write(let register), .constant(let register, _), .copy(_, let register, _):
                if kept.contains(register) { return ProbeSite(entry) }
            case .moveStack(let distance): depth -= distance
            case .push, .pop, .unknown: return ProbeSite(entry)
            }
            guard (0...Self.depthLimit).contains(depth) else { break }
            address &+= UInt64(place.instruction.length)
        }
        return ProbeSite(entry)
    }

    // MARK: Returns

    func returnSites(isWide: Bool) -> [ProbeSite] {
        var sites = Set<ProbeSite>()
        for end in returns.sorted() {
            var found = Set<ProbeSite>()
            var steps = Self.stepLimit
            let isFound =
                isWhole
                && collect(end, ProbeSite(end), isWide: isWide, steps: &steps, into: &found)
                && found.count <= Self.sitesPerReturn
            if isFound { sites.formUnion(found) } else { sites.insert(ProbeSite(end)) }
        }
        // An instruction that leads to two returns, with each of its outcomes: it has one probe, so these stay as they were.
        var seen = Set<UInt64>()
        if sites.contains(where: { !seen.insert($0.address).inserted }) {
            return returns.sorted().map { ProbeSite($0) }
        }
        return sites.sorted { $0.address < $1.address }
    }

    /// Finds for all ways to an instruction the last one before it that is emulated; false where one has none.
    ///
    /// - Parameter site: depth and result at `address`, from which on nothing changes the result or memory.
    private func collect(
        _ address: UInt64, _ site: ProbeSite, isWide: Bool, steps: inout Int, into found: inout Set<ProbeSite>
    ) -> Bool {
        var (address, site) = (address, site)
        while true {
            for source in sources[address] ?? [] {
                guard let place = places[source], let condition = X86Effect.condition(of: place.bytes) else {
                    return false
                }
                site.address = source
                site.condition = nil
                if case .conditionalJump = place.instruction.kind { site.condition = condition }
                found.insert(site)
            }
            // Where a part begins, others may call or jump.
            guard steps > 0, let previous = places[address]?.previous, let place = places[previous] else {
                return false
            }
            steps -= 1
            address = previous
            site.address = previous
            site.condition = nil
            switch place.instruction.kind {
            case .return, .jump, .indirectJump: return true
            case .call: return false
            case .conditionalJump:
                guard let condition = X86Effect.condition(of: place.bytes) else { return false }
                site.condition = condition ^ 1
                found.insert(site)
                return true
            case .other:
                switch X86Effect(of: place.bytes) {
                case .nop:
                    found.insert(site)
                    return true
                case .none: break
                case .write(let register):
                    if site.result == .register(register) { return false }
                case .pop(let register):
                    if site.result == .register(register) { return false }
                    site.depth += 8
                case .moveStack(let distance): site.depth += distance
                case .copy(let from, let to, let isWhole):
                    guard site.result == .register(to) else { break }
                    if isWide, !isWhole { return false }
                    site.result = .register(from)
                case .constant(let register, let value):
                    guard site.result == .register(register) else { break }
                    let isPositive = isWide ? Int64(bitPattern: value) > 0 : Int32(truncatingIfNeeded: value) > 0
                    if isPositive { return false }
                    site.result = .nothing
                case .store, .push, .unknown: return false
                }
                guard (0...Self.depthLimit).contains(site.depth), site.result != .register(4) else { return false }
            }
        }
    }
}
