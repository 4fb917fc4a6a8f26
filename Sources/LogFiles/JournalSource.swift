internal import Logs

final class JournalSource {
    let directory = ""
    let openDirectory: String? = nil
    let problem = ""
    init?(hostRoot: String, pass: LogPass) { return nil }
    func start(after cursor: String?) {}
    func update(_ targets: [(LogTarget, ContainerLogs)]) {}
    func poll() -> Bool { false }
    func settle() -> String? { nil }
}
