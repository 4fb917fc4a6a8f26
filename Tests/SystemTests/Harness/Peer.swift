import Foundation

/// What the containers of the identity tests do: listen on a port, and hold three connections to a peer outside.
struct Peer {
    let script: String
    private let sink: ChildProcess
    private let port: Int
    private let listening: Int

    var command: [String] { ["/bin/sh", "-c", script] }

    init(in scratch: Scratch) throws {
        port = try Machine.freePort()
        listening = try Machine.freePort()
        sink = try Workload.sink(port: port, in: scratch)
        script = "/workload sink 127.0.0.1 \(listening) 0 & exec /workload hold 3 127.0.0.1 \(port)"
    }

    /// Waits at most `seconds` until the page has the container with every series that it must have.
    @discardableResult
    func expectSeries(
        of container: String, image: String?, from agent: AgentProcess, within seconds: Double = 2
    ) throws -> Page {
        let destination = "127.0.0.1:\(port)"
        var missing = ""
        do {
            return try agent.page(within: seconds, "all series of \(container)") { page in
                missing = ""
                func need(_ name: String, _ labels: [String: String] = [:], _ value: Double? = nil) {
                    let found = page.value(name, of: container, labels)
                    if found == nil || (value != nil && found != value) {
                        missing += "\n  \(name) \(labels): \(found.map { "\($0)" } ?? "none")"
                    }
                }
                if let image { need("container_info", ["image": image], 1) }
                need("container_restarts_total", [:], 0)
                need("container_resources_cpu_usage_seconds_total")
                need("container_resources_cpu_throttled_seconds_total")
                need("container_resources_memory_rss_bytes")
                need("container_resources_memory_cache_bytes")
                for resource in ["cpu", "memory", "io"] {
                    need("container_resources_\(resource)_pressure_waiting_seconds_total", ["kind": "some"])
                    need("container_resources_\(resource)_pressure_waiting_seconds_total", ["kind": "full"])
                }
                need("container_net_tcp_listen_info", ["listen_addr": "127.0.0.1:\(listening)", "proxy": ""], 1)
                let to = ["destination": destination, "actual_destination": destination]
                need("container_net_tcp_successful_connects_total", to, 3)
                need("container_net_tcp_active_connections", to, 3)
                need("container_net_tcp_connection_time_seconds_total", to)
                need("container_net_tcp_bytes_sent_total", to)
                need("container_net_tcp_bytes_received_total", to)
                return missing.isEmpty
            }
        } catch {
            throw Failure("\(error)\nmissing:\(missing)")
        }
    }
}
