import Foundation
import Testing

extension SystemTests {
    /// A real systemd, its units, and what it says about them over D-Bus.
    ///
    /// Real: systemd 252 as process 1 of namespaces of its own, the cgroups that it makes for its units (at the root of the
    /// machine's cgroup2 hierarchy, where the agent watches them), their processes, D-Bus on its private socket and through
    /// its dbus-daemon. Not real: the agent is told where the socket is, because process 1 of the machine is no systemd;
    /// bytes to the private socket are relayed by a process in systemd's pid namespace, because systemd refuses a peer that
    /// it cannot see; and the unit of `systemdThatHangs` is a cgroup made by the test, because a systemd that hangs starts
    /// nothing.
    @Suite(.enabled(if: !SystemdHost.isTheMachines, "two systemds cannot share a cgroup2 hierarchy"))
    struct SystemdUnits {
        private static let number = UInt16.random(in: .min ... .max)
        private static func unit(_ name: String) -> String { "\(name)-\(number)" }
        private static func container(_ name: String) -> String { "/system.slice/\(unit(name)).service" }

        private static var units: [String: String] {
            func service(_ lines: String...) -> String {
                "[Service]\nExecStart=/bin/sleep 1000\n" + lines.joined(separator: "\n") + "\n"
            }
            return [
                unit("plain") + ".service": service(),
                unit("late") + ".service": service("Type=exec", "Environment=COROOT_LOG_MONITORING=disabled"),
                unit("once") + ".service": service("Type=oneshot"),
                unit("bus") + ".service": service("Type=dbus", "BusName=test.martlet.bus"),
                unit("timed") + ".service": service(),
                unit("timed") + ".timer": "[Timer]\nOnActiveSec=0\nAccuracySec=1ms\n",
                unit("socket") + ".service": service(),
                unit("socket") + ".socket": "[Socket]\nListenStream=/run/socket-test\n",
            ]
        }

        private func expect(_ name: String, type: String, triggeredBy: String = "", on page: Page) {
            let info = page.all("container_info", ["container_id": Self.container(name)])
            #expect(
                info.count == 1 && info.first?.labels["systemd_type"] == type,
                "\(name): \(info)\n\(page.all("martlet_faults_total"))")
            #expect(info.first?.labels["systemd_triggered_by"] == triggeredBy && info.first?.labels["image"] == "")
        }

        @Test(arguments: [true, false])
        func typesAndTriggers(isPrivate: Bool) throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let systemd = try SystemdHost(units: Self.units, in: scratch)
            let socket = try isPrivate ? systemd.relayedPrivateSocket() : systemd.systemBus
            let agent = try AgentProcess(["--systemd-socket", socket], in: scratch)
            try systemd.systemctl("start", Self.unit("late"))
            let page = try agent.page(within: 5, "the units") {
                $0.containers.isSuperset(of: ["plain", "socket", "late"].map { Self.container($0) })
            }
            expect("plain", type: "simple", on: page)
            expect("late", type: "exec", on: page)
            expect("socket", type: "simple", triggeredBy: Self.unit("socket") + ".socket", on: page)
            // These run too, but are the system's own by their properties; dbus.service is by its name.
            for name in ["once", "bus", "timed"] {
                #expect(soon(within: 5) { !Self.processes(of: name).isEmpty }, "\(name) does not run")
            }
            usleep(1_500_000)
            let later = try agent.page()
            for name in ["once", "bus", "timed"] {
                #expect(!later.containers.contains(Self.container(name)), "\(name)")
            }
            #expect(!later.containers.contains("/system.slice/dbus.service"))

            let all = try AgentProcess(
                ["--systemd-socket", socket, "--no-skip-systemd-system-services"], in: scratch)
            let full = try all.page(within: 5, "all units") {
                $0.containers.isSuperset(of: ["plain", "once", "bus", "timed"].map { Self.container($0) })
            }
            expect("once", type: "oneshot", on: full)
            expect("bus", type: "dbus", on: full)
            expect("timed", type: "simple", triggeredBy: Self.unit("timed") + ".timer", on: full)
        }

        /// A systemd that answers nobody costs a second; then units are told apart by their names.
        @Test func systemdThatHangs() throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let systemd = try SystemdHost(units: [:], in: scratch)
            systemd.freeze()
            let agent = try AgentProcess(["--systemd-socket", systemd.run + "/systemd/private"], in: scratch)
            let cgroup = try Cgroup(making: Self.container("hung"), in: scratch)
            let process = try cgroup.start(["/bin/sleep", "1000"], in: scratch)
            let page = try agent.page(within: 6, "a unit without properties") {
                $0.value("martlet_container_processes", of: Self.container("hung")) == 1
            }
            #expect(page.all("container_info", ["container_id": Self.container("hung")]).isEmpty)
            #expect((page.value("martlet_faults_total", ["kind": "systemd"]) ?? 0) >= 1)
            process.stop()
        }

        private static func processes(of name: String) -> String {
            Cgroup(existing: container(name)).read("cgroup.procs")
        }
    }
}
