/// What an x86-64 instruction does to general registers and the stack pointer, as far as it matters for how a function begins
/// and ends; whatever else there is, is `unknown`.
///
/// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, appendix A. Registers are numbered as the
/// processor does: 0 is RAX, 4 is RSP.
enum X86Effect: Equatable {
    /// On no general register: comparisons, prefetches, landing pads.
    case none
    /// On memory only.
    case store
    case write(Int)
    /// `isWhole`: all 64 bits.
    case copy(from: Int, to: Int, isWhole: Bool)
    case constant(Int, UInt64)
    /// Of the stack pointer, by bytes.
    case moveStack(Int)
    case push(Int)
    case pop(Int)
    case nop
    case unknown

    private static let stackPointer = 4

    /// The parts of an instruction.
    private struct Parts {
        var opcode: UInt8 = 0
        /// The opcode stands behind 0F.
        var isSecondMap = false
        var hasOperandSize = false
        var repeats: UInt8 = 0
        var extensions: UInt8 = 0
        /// Where the opcode ends.
        var rest = 0

        var isWide: Bool { extensions & 8 != 0 }

        init(_ bytes: ArraySlice<UInt8>) {
            var cursor = bytes.startIndex
            while cursor < bytes.endIndex {
                let byte = bytes[cursor]
                switch byte {
                case 0x66: hasOperandSize = true
                case 0xF2, 0xF3: repeats = byte
                case 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65, 0x67, 0xF0: break
                case 0x40...0x4F: extensions = byte
                default:
                    opcode = byte
                    cursor += 1
                    if byte == 0x0F, cursor < bytes.endIndex {
                        isSecondMap = true
                        opcode = bytes[cursor]
                        cursor += 1
                    }
                    rest = cursor
                    return
                }
                cursor += 1
            }
            rest = cursor
        }
    }

    /// The no-operations that compilers pad with, which the kernel knows by their bytes (arch/x86/include/asm/nops.h).
    private static let nops: [[UInt8]] = [
        [0x90], [0x66, 0x90], [0x0F, 0x1F, 0x00], [0x0F, 0x1F, 0x40, 0x00], [0x0F, 0x1F, 0x44, 0x00, 0x00],
        [0x66, 0x0F, 0x1F, 0x44, 0x00, 0x00], [0x0F, 0x1F, 0x80, 0, 0, 0, 0], [0x0F, 0x1F, 0x84, 0, 0, 0, 0, 0],
    ]

    /// The condition of a conditional jump, `tttn` in the manual's words: the lowest bit inverts it. Nil for one with a 16-bit
    /// prefix, which has another meaning on each maker's processors.
    static func condition(of bytes: ArraySlice<UInt8>) -> UInt8? {
        let parts = Parts(bytes)
        return parts.hasOperandSize ? nil : parts.opcode & 15
    }

    /// Whether the kernel does without a single step what the instruction does: relative jumps and calls, pushes, no-operations
    /// (`branch_setup_xol_ops` and `push_setup_xol_ops` of arch/x86/kernel/uprobes.c).
    static func isEmulated(_ bytes: ArraySlice<UInt8>, _ kind: Instruction.Kind) -> Bool {
        switch kind {
        case .jump, .conditionalJump, .call: return condition(of: bytes) != nil
        case .return, .indirectJump: return false
        case .other:
            switch X86Effect(of: bytes) {
            case .push, .nop: return true
            default: return false
            }
        }
    }

    /// Whether it may go on elsewhere though its kind does not say so: LOOP, JRCXZ and XBEGIN, which compilers hardly use.
    static func isHiddenJump(_ bytes: ArraySlice<UInt8>) -> Bool {
        let parts = Parts(bytes)
        if parts.isSecondMap { return false }
        return 0xE0...0xE3 ~= parts.opcode
            || parts.opcode == 0xC7 && parts.rest < bytes.endIndex && bytes[parts.rest] == 0xF8
    }

    init(of bytes: ArraySlice<UInt8>) {
        if Self.nops.contains(where: { $0.elementsEqual(bytes) }) {
            self = .nop
            return
        }
        let parts = Parts(bytes)
        let low = Int(parts.opcode & 7) | (parts.extensions & 1 != 0 ? 8 : 0)
        if !parts.isSecondMap, !parts.hasOperandSize {
            switch parts.opcode {
            case 0x50...0x57:
                self = .push(low)
                return
            case 0x58...0x5F:
                self = low == Self.stackPointer ? .unknown : .pop(low)
                return
            case 0xB8...0xBF:
                let size = parts.isWide ? 8 : 4
                let value = Array(bytes).number(at: bytes.count - size, size: size)
                self = value.map { .constant(low, $0) } ?? .unknown
                return
            case 0x98:
                // Of the lower half into the upper one.
                self = .copy(from: 0, to: 0, isWhole: false)
                return
            case 0xA8, 0xA9, 0x3C, 0x3D:
                self = .none
                return
            default: break
            }
        }
        guard parts.rest < bytes.endIndex else {
            self = .unknown
            return
        }
        let operands = Operands(bytes, parts)
        let effect = parts.isSecondMap ? Self.second(parts, operands) : Self.first(parts, operands, bytes)
        // Whatever else is done to the stack pointer is not followed.
        switch effect {
        case .write(Self.stackPointer), .copy(_, Self.stackPointer, _), .constant(Self.stackPointer, _): self = .unknown
        default: self = effect
        }
    }

    /// The ModRM byte.
    private struct Operands {
        var isRegister: Bool
        var register: Int
        var other: Int
        var digit: UInt8

        init(_ bytes: ArraySlice<UInt8>, _ parts: Parts) {
            let modRM = bytes[parts.rest]
            isRegister = modRM >> 6 == 3
            digit = (modRM >> 3) & 7
            register = Int(digit) | (parts.extensions & 4 != 0 ? 8 : 0)
            other = Int(modRM & 7) | (parts.extensions & 1 != 0 ? 8 : 0)
        }
    }

    private static func first(_ parts: Parts, _ operands: Operands, _ bytes: ArraySlice<UInt8>) -> X86Effect {
        switch parts.opcode {
        case 0x38...0x3B, 0x84, 0x85: return .none
        case 0xF6 where operands.digit < 2, 0xF7 where operands.digit < 2, 0x80 where operands.digit == 7: return .none
        case 0x80, 0x88, 0xC6: return operands.isRegister ? .unknown : .store
        default: break
        }
        if parts.hasOperandSize { return .unknown }
        switch parts.opcode {
        case 0x00...0x37 where parts.opcode & 7 == 1 || parts.opcode & 7 == 3:
            let isXor = parts.opcode >> 3 == 6
            if isXor, operands.isRegister, operands.register == operands.other {
                return .constant(operands.register, 0)
            }
            if parts.opcode & 7 == 3 { return .write(operands.register) }
            return operands.isRegister ? .write(operands.other) : .store
        case 0x63, 0x8B:
            guard operands.isRegister else { return .write(operands.register) }
            return .copy(
                from: operands.other, to: operands.register, isWhole: parts.isWide && parts.opcode == 0x8B)
        case 0x89:
            guard operands.isRegister else { return .store }
            return .copy(from: operands.register, to: operands.other, isWhole: parts.isWide)
        case 0x8D:
            guard operands.register == stackPointer else { return .write(operands.register) }
            // LEA distance(%rsp), %rsp
            let tail = bytes[parts.rest...]
            guard parts.isWide, tail.dropFirst().first == 0x24, let distance = immediate(bytes, tail.count - 2) else {
                return .unknown
            }
            return tail.first == 0x64 || tail.first == 0xA4 ? .moveStack(distance) : .unknown
        case 0x81, 0x83:
            if operands.digit == 7 { return .none }
            guard operands.isRegister else { return .store }
            guard operands.other == stackPointer else { return .write(operands.other) }
            guard parts.isWide, let amount = immediate(bytes, parts.opcode == 0x83 ? 1 : 4) else { return .unknown }
            return operands.digit == 0 ? .moveStack(amount) : operands.digit == 5 ? .moveStack(-amount) : .unknown
        case 0xC7:
            guard operands.digit == 0 else { return .unknown }
            guard operands.isRegister else { return .store }
            guard let value = immediate(bytes, 4) else { return .unknown }
            let whole = UInt64(bitPattern: Int64(value))
            return .constant(operands.other, parts.isWide ? whole : whole & 0xFFFF_FFFF)
        default: return .unknown
        }
    }

    private static func second(_ parts: Parts, _ operands: Operands) -> X86Effect {
        switch parts.opcode {
        case 0x1E where parts.repeats == 0xF3 && operands.isRegister && operands.digit == 7: .none
        case 0x1F: .none
        case 0x10, 0x28, 0x57, 0xEF: .none
        case 0x11, 0x29: operands.isRegister ? .none : .store
        case 0x40...0x4F, 0xB6, 0xB7, 0xBE, 0xBF: parts.hasOperandSize ? .unknown : .write(operands.register)
        default: .unknown
        }
    }

    /// The signed number that an instruction ends with.
    private static func immediate(_ bytes: ArraySlice<UInt8>, _ size: Int) -> Int? {
        guard size == 1 || size == 4, let number = Array(bytes).number(at: bytes.count - size, size: size) else {
            return nil
        }
        return size == 1 ? Int(Int8(truncatingIfNeeded: number)) : Int(Int32(truncatingIfNeeded: number))
    }
}
