import Foundation

/// A machine whose NVIDIA library is a stand-in (`Helpers/nvml.c`) that shows what the test writes.
final class GPUMachine {
    private let scratch: Scratch
    private let libraries: String
    private let state: String

    init(in scratch: Scratch) throws {
        self.scratch = scratch
        libraries = try scratch.folder("lib64")
        state = scratch.file("gpus")
        try show([])
    }

    /// Puts the library where the agent looks for it.
    ///
    /// - Parameter isOld: whether functions of newer drivers are missing.
    func install(isOld: Bool = false) throws {
        let made = scratch.file("libnvidia-ml.so.1")
        try Command.check(
            ["clang", "-shared", "-fPIC", "-O1", "-std=gnu11", "-o", made, Machine.helpers + "/nvml.c"]
                + (isOld ? ["-DOLD"] : []))
        try Command.check(["mv", made, libraries + "/libnvidia-ml.so.1"])
    }

    func uninstall() throws { try Command.check(["rm", "-f", libraries + "/libnvidia-ml.so.1"]) }

    /// Replaces what the library says.
    func show(_ lines: [String]) throws {
        let next = state + ".next"
        try (lines.joined(separator: "\n") + "\n").write(toFile: next, atomically: false, encoding: .utf8)
        guard rename(next, state) == 0 else { throw Failure("cannot rename \(next)") }
    }

    func agent(_ arguments: [String] = []) throws -> AgentProcess {
        try AgentProcess(
            arguments, in: scratch, environment: ["NVML_STAND_IN": state],
            launcher: ["unshare", "--mount", "sh", Machine.helpers + "/gpu_machine.sh", libraries])
    }
}
