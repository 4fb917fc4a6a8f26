import Testing

@testable import Containers

@Suite struct SystemdServiceFilterTests {
    @Test(arguments: [
        "systemd-journald.service", "dbus.service", "getty@tty1.service", "system-getty.slice",
        "serial-getty@x.service",
        "system-serial-getty.slice", "snapd.service", "packagekit.service", "unattended-upgrades.service",
        "multipathd.service", "qemu-guest-agent.service", "irqbalance.service", "networkd-dispatcher.service",
        "rpcbind.service",
    ])
    func systemServices(_ unit: String) {
        #expect(SystemdServiceFilter().skips(unit: unit))
        #expect(!SystemdServiceFilter(isEnabled: false).skips(unit: unit))
    }

    @Test func others() {
        let filter = SystemdServiceFilter()
        #expect(!filter.skips(unit: "nginx.service"))
        #expect(!filter.skips(unit: "nginx.service", properties: SystemdProperties(type: "notify")))
        #expect(filter.skips(unit: "x.service", properties: SystemdProperties(type: "oneshot")))
        #expect(filter.skips(unit: "x.service", properties: SystemdProperties(type: "dbus")))
        #expect(filter.skips(unit: "x.service", properties: SystemdProperties(triggeredBy: "x.timer")))
        #expect(!filter.skips(unit: "x.service", properties: SystemdProperties(triggeredBy: "x.socket")))
        #expect(!filter.skips(unit: ""))
    }

    @Test(arguments: [
        ("/system.slice/nginx.service", "nginx.service"), ("/system.slice/nginx.service/worker", "nginx.service"),
        ("/system.slice/system-postgresql.slice/postgresql@9.4-main.service", "postgresql@9.4-main.service"),
        (#"/system.slice/systemd\x2dx.service"#, "systemd-x.service"), ("/system.slice/a.mount", "a.mount"), ("", ""),
    ])
    func unitNames(_ path: String, _ unit: String) { #expect(SystemdUnit.name(ofCgroup: path) == unit) }
}
