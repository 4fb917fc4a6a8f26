/// The exit codes that differ from success and plain failure; the numbers are those of sysexits.h.
enum ExitStatus {
    /// A flag, an environment variable or the configuration file is wrong (EX_USAGE).
    static let usage: Int32 = 64
    /// A directory or file cannot be made (EX_CANTCREAT).
    static let cannotCreate: Int32 = 73
    /// A capability is missing (EX_NOPERM).
    static let notPermitted: Int32 = 77
}
