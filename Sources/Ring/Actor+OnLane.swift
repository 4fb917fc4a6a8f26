extension Actor {
    /// Calls `body` isolated to this actor, which must live on the lane that the caller runs on (checked).
    ///
    /// The same as `assumeIsolated`, which makes two closure objects a call. Here `body` captures nothing: what it needs
    /// comes as `argument`, and nothing is allocated.
    @inlinable
    @inline(__always)
    public nonisolated func onLane<Argument, Result>(
        _ argument: Argument, _ body: @escaping (isolated Self, Argument) -> Result
    ) -> Result {
        preconditionIsolated()
        // Isolation is no part of a function's calling convention; `assumeIsolated` does the same.
        return unsafeBitCast(body, to: ((Self, Argument) -> Result).self)(self, argument)
    }
}
