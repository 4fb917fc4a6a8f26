/// Why a file that may encrypt gets no probes.
public enum ProbeRefusal: String, Error, Sendable, CaseIterable {
    /// It cannot be opened, or is another one by now.
    case unreadable
    /// A library without the functions that are looked for.
    case noFunctions = "no_functions"
    /// A Go program from before Go 1.17, which passes arguments otherwise.
    case goTooOld = "go_too_old"
    /// A Go program whose table of functions is not understood.
    case goTable = "go_table"
    /// Code in which the returns cannot be found.
    case code
    /// The kernel refused to attach.
    case kernel
    /// Too many files have probes already.
    case full
}
