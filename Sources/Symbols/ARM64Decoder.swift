/// AArch64 instructions that leave a function; all are four bytes long.
///
/// Source: Arm Architecture Reference Manual for A-profile, C4.1.
enum ARM64Decoder {
    static func decode(_ code: [UInt8], at start: Int) -> Instruction? {
        guard let word = code.number(at: start, size: 4) else { return nil }
        func distance(_ value: UInt64, bits: UInt64) -> Int {
            let signed = Int(value & ((1 << bits) - 1))
            // From the end of the instruction, as everywhere here.
            return (signed >= 1 << (bits - 1) ? signed - 1 << bits : signed) * 4 - 4
        }
        let kind: Instruction.Kind
        if word & 0xFFFF_FC1F == 0xD65F_0000 || word & 0xFFFF_FBFF == 0xD65F_0BFF {
            kind = .return  // RET, RETAA, RETAB
        } else if word >> 26 == 0b000101 {
            kind = .jump(distance(word, bits: 26))
        } else if word >> 26 == 0b100101 {
            kind = .call(distance(word, bits: 26))
        } else if word >> 24 == 0x54 || word & 0x7E00_0000 == 0x3400_0000 {
            kind = .conditionalJump(distance(word >> 5, bits: 19))  // B.cond, CBZ, CBNZ
        } else if word & 0x7E00_0000 == 0x3600_0000 {
            kind = .conditionalJump(distance(word >> 5, bits: 14))  // TBZ, TBNZ
        } else if word & 0xFFFF_FC1F == 0xD61F_0000 {
            kind = .indirectJump
        } else {
            kind = .other
        }
        return Instruction(length: 4, kind: kind)
    }
}
