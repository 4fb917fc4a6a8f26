/// Lengths of x86-64 instructions in 64-bit mode, and which of them leave a function.
///
/// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapter 2 (formats) and appendix A (opcode
/// maps); AMD64 Architecture Programmer's Manual, volume 3 (XOP, SSE4a). Legacy, VEX, EVEX and XOP encodings. Only what the
/// length depends on is looked at: whether there is a ModRM byte, and how long the immediate is.
enum X86Decoder {
    /// The longest that there is.
    static let maximumLength = 15

    private struct Prefixes {
        var hasOperandSize = false
        var hasAddressSize = false
        var hasRepeatNotZero = false
        var isWide = false
    }

    /// Decodes the instruction at `start`; nil where it is none, or is cut off.
    static func decode(_ code: [UInt8], at start: Int) -> Instruction? {
        var cursor = start
        var prefixes = Prefixes()
        func byte(_ index: Int) -> UInt8? { index < code.count && index - start < maximumLength ? code[index] : nil }

        while let prefix = byte(cursor), isPrefix(prefix) {
            // REX counts only right before the opcode.
            prefixes.isWide = prefix & 0xF8 == 0x48
            switch prefix {
            case 0x66: prefixes.hasOperandSize = true
            case 0x67: prefixes.hasAddressSize = true
            case 0xF2: prefixes.hasRepeatNotZero = true
            default: break
            }
            cursor += 1
        }
        guard let opcode = byte(cursor) else { return nil }
        cursor += 1

        var immediate = 0
        var hasModRM = false
        switch opcode {
        case 0x0F:
            guard let second = byte(cursor) else { return nil }
            cursor += 1
            switch second {
            case 0x38:
                cursor += 1
                hasModRM = true
            case 0x3A:
                cursor += 1
                (hasModRM, immediate) = (true, 1)
            case 0x80...0x8F:
                return branch(code, start, cursor, size: 4) { .conditionalJump($0) }
            default:
                guard let form = secondMap(second, prefixes) else { return nil }
                (hasModRM, immediate) = form
            }
        case 0xC5:
            guard let next = byte(cursor + 1) else { return nil }
            cursor += 2
            (hasModRM, immediate) = vectorForm(map: 1, opcode: next)
        case 0xC4:
            guard let selector = byte(cursor), let next = byte(cursor + 2) else { return nil }
            cursor += 3
            guard (1...3).contains(selector & 0x1F) else { return nil }
            (hasModRM, immediate) = vectorForm(map: selector & 0x1F, opcode: next)
        case 0x62:
            guard let selector = byte(cursor), byte(cursor + 3) != nil, [1, 2, 3, 5, 6].contains(selector & 7) else {
                return nil
            }
            guard let next = byte(cursor + 3) else { return nil }
            cursor += 4
            (hasModRM, immediate) = vectorForm(map: selector & 7, opcode: next)
        case 0x8F where (byte(cursor) ?? 0) & 0x1F >= 8:
            guard let selector = byte(cursor), selector & 0x1F <= 10 else { return nil }
            cursor += 3
            (hasModRM, immediate) = (true, [1, 0, 4][Int(selector & 0x1F) - 8])
        case 0x70...0x7F: return branch(code, start, cursor, size: 1) { .conditionalJump($0) }
        case 0xEB: return branch(code, start, cursor, size: 1) { .jump($0) }
        case 0xE9: return branch(code, start, cursor, size: 4) { .jump($0) }
        case 0xE8: return branch(code, start, cursor, size: 4) { .call($0) }
        case 0xC3: return Instruction(length: cursor - start, kind: .return)
        case 0xC2:
            cursor += 2
            guard cursor <= code.count, cursor - start <= maximumLength else { return nil }
            return Instruction(length: cursor - start, kind: .return)
        default:
            guard let form = firstMap(opcode, prefixes, modRM: byte(cursor)) else { return nil }
            (hasModRM, immediate) = form
        }

        var kind = Instruction.Kind.other
        if hasModRM {
            guard let modRM = byte(cursor) else { return nil }
            if opcode == 0xFF, (modRM >> 3) & 7 == 4 { kind = .indirectJump }
            cursor += 1
            let (mode, operand) = (modRM >> 6, modRM & 7)
            if mode != 3 {
                if operand == 4 {
                    guard let base = byte(cursor) else { return nil }
                    cursor += 1
                    if mode == 0, base & 7 == 5 { cursor += 4 }
                } else if mode == 0, operand == 5 {
                    cursor += 4
                }
                if mode == 1 { cursor += 1 }
                if mode == 2 { cursor += 4 }
            }
        }
        cursor += immediate
        guard cursor <= code.count, cursor - start <= maximumLength else { return nil }
        return Instruction(length: cursor - start, kind: kind)
    }

    private static func isPrefix(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x66, 0x67, 0xF3, 0xF2, 0xF0, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65: true
        default: byte & 0xF0 == 0x40
        }
    }

    private static func branch(
        _ code: [UInt8], _ start: Int, _ cursor: Int, size: Int, _ kind: (Int) -> Instruction.Kind
    ) -> Instruction? {
        guard let number = code.number(at: cursor, size: size), cursor + size - start <= maximumLength else {
            return nil
        }
        let distance =
            size == 1
            ? Int(Int8(truncatingIfNeeded: number)) : Int(Int32(truncatingIfNeeded: number))
        return Instruction(length: cursor + size - start, kind: kind(distance))
    }

    /// One-byte opcodes: whether a ModRM byte follows, and the bytes of the immediate.
    private static func firstMap(_ opcode: UInt8, _ prefixes: Prefixes, modRM: UInt8?) -> (Bool, Int)? {
        let operand = prefixes.hasOperandSize && !prefixes.isWide ? 2 : 4
        switch opcode {
        case 0x00...0x3F:
            switch opcode & 7 {
            case 0...3: return (true, 0)
            case 4: return (false, 1)
            case 5: return (false, operand)
            // Segment registers and decimal arithmetic are gone in 64-bit mode.
            default: return nil
            }
        case 0x50...0x5F, 0x6C...0x6F, 0x90...0x99, 0x9B...0x9F, 0xA4...0xA7, 0xAA...0xAF: return (false, 0)
        case 0x63: return (true, 0)
        case 0x68: return (false, operand)
        case 0x69: return (true, operand)
        case 0x6A: return (false, 1)
        case 0x6B: return (true, 1)
        case 0x80, 0x83: return (true, 1)
        case 0x81: return (true, operand)
        case 0x84...0x8F: return (true, 0)
        case 0xA0...0xA3: return (false, prefixes.hasAddressSize ? 4 : 8)
        case 0xA8: return (false, 1)
        case 0xA9: return (false, operand)
        case 0xB0...0xB7: return (false, 1)
        case 0xB8...0xBF: return (false, prefixes.isWide ? 8 : operand)
        case 0xC0, 0xC1, 0xC6: return (true, 1)
        case 0xC7: return (true, operand)
        case 0xC8: return (false, 3)
        case 0xC9, 0xCB, 0xCC, 0xCF: return (false, 0)
        case 0xCA: return (false, 2)
        case 0xCD: return (false, 1)
        case 0xD0...0xD3, 0xD8...0xDF: return (true, 0)
        case 0xD7: return (false, 0)
        case 0xE0...0xE7: return (false, 1)
        case 0xEC...0xEF, 0xF1, 0xF4, 0xF5, 0xF8...0xFD: return (false, 0)
        case 0xF6, 0xF7:
            guard let modRM else { return nil }
            // TEST has an immediate, the others of its group have none.
            return (true, (modRM >> 3) & 7 > 1 ? 0 : opcode == 0xF6 ? 1 : operand)
        case 0xFE, 0xFF: return (true, 0)
        default: return nil
        }
    }

    /// Opcodes behind 0F.
    private static func secondMap(_ opcode: UInt8, _ prefixes: Prefixes) -> (Bool, Int)? {
        switch opcode {
        case 0x04, 0x0A, 0x0C, 0x24...0x27, 0x36, 0x39, 0x3B...0x3F, 0x7A, 0x7B: return nil
        case 0x05...0x09, 0x0B, 0x0E, 0x30...0x35, 0x37, 0x77, 0xA0...0xA2, 0xA8...0xAA, 0xC8...0xCF: return (false, 0)
        case 0x0F: return (true, 1)
        case 0x70...0x73, 0xA4, 0xAC, 0xBA, 0xC2, 0xC4...0xC6: return (true, 1)
        case 0x78: return (true, prefixes.hasOperandSize || prefixes.hasRepeatNotZero ? 2 : 0)
        default: return (true, 0)
        }
    }

    /// VEX and EVEX opcodes.
    private static func vectorForm(map: UInt8, opcode: UInt8) -> (Bool, Int) {
        if map == 3 { return (true, 1) }
        guard map == 1 else { return (true, 0) }
        switch opcode {
        case 0x77: return (false, 0)
        case 0x70...0x73, 0xC2, 0xC4...0xC6: return (true, 1)
        default: return (true, 0)
        }
    }
}
