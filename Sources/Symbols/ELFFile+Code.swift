/// Where functions end and return.
extension ELFFile {
    /// Bytes of one function that are decoded.
    private static let codeLimit = 65_536
    /// Parts that a function is in, beyond its own bytes: those that it ends by jumping to.
    private static let partLimit = 16
    private static let returnLimit = 128

    func decode(_ code: [UInt8], at start: Int) -> Instruction? { machine.decode(code, at: start) }

    /// All code of a function; nil where it cannot be followed.
    func code(of function: Function) -> FunctionCode? {
        var result = FunctionCode(machine: machine)
        var parts = [function]
        var next = 0
        while next < parts.count {
            let part = parts[next]
            next += 1
            let size = part.size > 0 ? part.size : bounds(of: part.address)?.size ?? 0
            guard size > 0, size <= UInt64(Self.codeLimit), isCode(part.address) else {
                // What cannot be followed of the function itself is a refusal; of another part only what is not seen.
                if next == 1 { return nil }
                result.isWhole = false
                continue
            }
            parts[next - 1].size = size
            if !result.add(loaded(at: part.address, count: Int(size)), at: part.address) {
                if next == 1 { return nil }
                result.isWhole = false
            }
            for target in result.leaving.sorted() where !parts.contains(where: { target &- $0.address < $0.size }) {
                guard parts.count < Self.partLimit, let bounds = bounds(of: target) else {
                    result.isWhole = false
                    continue
                }
                // A jump into the middle of another part means the rest of it.
                if bounds.start != target { result.isWhole = false }
                parts.append(Function(name: "", address: target, size: bounds.start &+ bounds.size &- target))
            }
            result.leaving = []
            if result.returns.count > Self.returnLimit { return nil }
        }
        return result
    }

    /// The addresses of a function's return instructions, also of those of functions that it ends in (tail calls) and of parts
    /// that the compiler moved away; nil where its code cannot be followed.
    public func returns(of function: Function) -> [UInt64]? {
        guard let code = code(of: function), !code.returns.isEmpty else { return nil }
        return code.returns.sorted()
    }

    /// The same, or in their place instructions that a probe costs less at.
    ///
    /// - Parameter isWide: whether the result has 64 bits.
    public func returnSites(of function: Function, isWide: Bool) -> [ProbeSite]? {
        guard let code = code(of: function), !code.returns.isEmpty else { return nil }
        return code.returnSites(isWide: isWide)
    }

    /// The first instruction of a function, or in its place one that a probe costs less at: it is always executed, with the
    /// arguments still in their registers.
    ///
    /// - Parameter arguments: how many registers have them, at most 4.
    public func entrySite(of function: Function, arguments: Int) -> ProbeSite {
        code(of: function)?.entrySite(at: function.address, arguments: arguments) ?? ProbeSite(function.address)
    }

    /// The offset that a function `mov offset(%rdi), %eax; ret` reads its only argument at, as getters of one member are
    /// compiled: what the layout of a structure is that is no part of a library's interface.
    public func memberRead(by getter: Function) -> UInt64? {
        var code = loaded(at: getter.address, count: 16)
        switch machine {
        case .amd64:
            if code.starts(with: [0xF3, 0x0F, 0x1E, 0xFA]) { code.removeFirst(4) }
            if code.first == 0x48 { code.removeFirst() }
            guard code.first == 0x8B else { return nil }
            if code.starts(with: [0x8B, 0x87]) { return code.number(at: 2, size: 4) }
            return code.starts(with: [0x8B, 0x47]) ? code.number(at: 2, size: 1) : nil
        case .arm64:
            // LDR Wt or LDRSW Xt, [X0, #imm12 * 4]; LDR Xt with * 8; perhaps behind BTI c.
            if code.number(at: 0, size: 4) == 0xD503_245F { code.removeFirst(4) }
            guard let word = code.number(at: 0, size: 4), (word >> 5) & 31 == 0 else { return nil }
            let offset = (word >> 10) & 0xFFF
            switch word >> 22 {
            case 0b10_1110_0101, 0b10_1110_0110: return offset * 4
            case 0b11_1110_0101: return offset * 8
            default: return nil
            }
        }
    }

    /// The bounds of the function around an address, from the table that unwinders search (`.eh_frame_hdr`, LSB core
    /// specification 10.6.2): up to the next function, with what pads between them.
    func bounds(of address: UInt64) -> (start: UInt64, size: UInt64)? {
        guard let frameHeader else { return nil }
        let head = loaded(at: frameHeader.address, count: 12)
        // Version 1; the table's numbers are relative to the header, in four bytes.
        guard head.count == 12, head[0] == 1, head[1] & 15 == 11 || head[1] & 15 == 3, head[2] == 3, head[3] == 0x3B,
            let count = head.number(at: 8, size: 4), count > 0, count <= frameHeader.size / 8
        else { return nil }
        func start(_ index: UInt64) -> UInt64? {
            loaded(at: frameHeader.address &+ 12 &+ index &* 8, count: 4).number(at: 0, size: 4).map {
                frameHeader.address &+ UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: $0)))
            }
        }
        // The last one that does not begin behind the address.
        var (low, high) = (UInt64(0), count)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            guard let found = start(middle) else { return nil }
            if found <= address { low = middle } else { high = middle }
        }
        guard let begin = start(low), begin <= address, low + 1 < count, let end = start(low + 1), end > address else {
            return nil
        }
        return (begin, end - begin)
    }
}

extension ELFFile.Machine {
    /// The instruction at `start`; nil where there is none that is known.
    func decode(_ code: [UInt8], at start: Int) -> Instruction? {
        switch self {
        case .amd64: X86Decoder.decode(code, at: start)
        case .arm64: ARM64Decoder.decode(code, at: start)
        }
    }
}
