/// What an instruction means for finding where a function ends.
struct Instruction: Equatable {
    enum Kind: Equatable {
        case other
        /// Ends the function.
        case `return`
        /// Goes on elsewhere: bytes from the end of the instruction.
        case jump(Int)
        case conditionalJump(Int)
        case call(Int)
        /// Goes on where a register or memory says.
        case indirectJump
    }

    /// Bytes.
    var length: Int
    var kind: Kind
}
