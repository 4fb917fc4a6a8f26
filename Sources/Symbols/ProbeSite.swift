/// An instruction that stands for the beginning of a function or for one of its returns.
public struct ProbeSite: Sendable, Hashable {
    /// Where the result is when the instruction is executed.
    public enum Result: Sendable, Hashable {
        /// The processor's number of a register.
        case register(Int)
        /// It is a constant: zero, or less.
        case nothing
    }

    /// As in the file.
    public var address: UInt64
    /// Bytes by which the stack pointer is below where it was at the function's first instruction.
    public var depth = 0
    /// Only if this condition holds does execution come from the beginning, or go to the end: the number that conditional jumps of
    /// x86 have it by.
    public var condition: UInt8?
    public var result = Result.register(0)

    init(_ address: UInt64, depth: Int = 0, condition: UInt8? = nil, result: Result = .register(0)) {
        self.address = address
        self.depth = depth
        self.condition = condition
        self.result = result
    }
}
