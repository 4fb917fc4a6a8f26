import Foundation

/// A program that is run to its end.
struct Command {
    let status: Int32
    let output: String
    let errors: String

    /// Runs a program; one that is not done after `seconds` is killed, with status 137.
    static func run(
        _ arguments: [String], environment: [String: String] = [:], directory: String? = nil, seconds: Double = 60
    ) throws -> Command {
        let scratch = try Scratch()
        defer { try? FileManager.default.removeItem(atPath: scratch.path) }
        let child = try ChildProcess(arguments, in: scratch, environment: environment, directory: directory)
        var status = child.wait(seconds: seconds)
        if status == nil {
            child.signal(SIGKILL)
            status = child.wait(seconds: 10)
        }
        return Command(status: status ?? -1, output: child.output, errors: child.errors)
    }

    /// Runs a program that must succeed and gives its standard output without the last line end.
    @discardableResult
    static func check(
        _ arguments: [String], environment: [String: String] = [:], directory: String? = nil, seconds: Double = 60
    ) throws -> String {
        let result = try run(arguments, environment: environment, directory: directory, seconds: seconds)
        guard result.status == 0 else {
            throw Failure("\(arguments.joined(separator: " ")): status \(result.status): \(result.errors.suffix(1000))")
        }
        return String(result.output.reversed().drop { $0 == "\n" }.reversed())
    }
}
