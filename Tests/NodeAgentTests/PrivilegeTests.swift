import Foundation
import Kernel
import Testing

@testable import NodeAgent

@Suite struct PrivilegeTests {
    /// docs/privileges.md has the table and the minimum as they are in the code.
    @Test func documentIsTheTable() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let lines = try String(contentsOf: root.appending(path: "docs/privileges.md"), encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let begin = try #require(lines.firstIndex { $0.hasPrefix("<!-- Privilege.markdown") })
        let table = Array(lines[(begin + 1)...].prefix { $0.hasPrefix("|") })
        #expect(table == Privilege.markdown, "write this:\n\(Privilege.markdown.joined(separator: "\n"))")
        let minimum = "keeps: \(PrivilegeDrop.list(Privilege.minimum(Privilege.Situation())))."
        #expect(lines.contains { $0.hasSuffix(minimum) }, "write this: \(minimum)")
    }

    /// deploy/ grants what the table names for the default settings with --drop-privileges: no less and no more.
    @Test(arguments: ["systemd/martlet-node.service", "kubernetes/daemonset.yaml", "docker/Dockerfile"])
    func deploymentsGrantTheTable(_ path: String) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        var situation = Privilege.Situation()
        situation.configuration.dropsPrivileges = true
        let wanted = Privilege.table.filter { $0.isWanted(situation) }.flatMap { $0.start + $0.running }
        let text = try String(contentsOf: root.appending(path: "deploy/" + path), encoding: .utf8)
            .replacingOccurrences(of: "\\\n#", with: "").split(separator: "\n")
        let line = try #require(
            text.first { $0.hasPrefix("CapabilityBoundingSet=") || $0.contains("add: [") || $0.contains("--cap-add") })
        let list = line.components(separatedBy: "add").count > 1 ? String(line) : String(line.split(separator: "=")[1])
        let granted = list.split { !$0.isLetter && $0 != "_" }.compactMap { Capabilities.Name(text: $0) }
        #expect(Set(granted) == Set(wanted))
    }

    @Test func minimumFollowsTheSituation() {
        var situation = Privilege.Situation()
        // Probes are attached as long as the agent runs.
        #expect(Privilege.minimum(situation).isSuperset(of: [.bpf, .perfmon]))
        situation.configuration.watchesRequests = false
        let usual = Privilege.minimum(situation)
        #expect(usual.isSuperset(of: [.sysPtrace, .dacReadSearch]))
        #expect(usual.isDisjoint(with: [.bpf, .perfmon, .setuid, .setgid, .setpcap, .netBindService]))
        situation.bpfNeedsCapability = true
        situation.portIsPrivileged = true
        #expect(Privilege.minimum(situation) == usual.union([.bpf, .netBindService]))
    }

    @Test func whatIsNotKeptIsOff() {
        let state = PrivilegeState(
            Privilege.Situation(), held: Capabilities(effective: Capabilities.mask([.sysPtrace, .dacReadSearch])))
        #expect(state.isEnabled("container_metadata"))
        let off = state.parts.filter { !$0.isEnabled }
        #expect(off.map(\.feature).contains("network_namespaces"))
        #expect(
            off.first { $0.feature == "network_namespaces" }?.reason.hasPrefix("without CAP_SYS_ADMIN: ") == true)
        #expect(!state.parts.map(\.feature).contains("privileged_port"))
    }

    @Test func users() throws {
        #expect(try PrivilegeDrop.find("1234") == .init(id: 1234, group: 1234, groups: []))
        #expect(try PrivilegeDrop.find("1234:5") == .init(id: 1234, group: 5, groups: []))
        let nobody = try PrivilegeDrop.find("nobody")
        #expect(nobody.id == 65534)
        #expect(try PrivilegeDrop.find("nobody:root").group == 0)
        for text in ["no such user", "", ":", "-1", "99999999999", "nobody:", "nobody:no such group"] {
            #expect(throws: PrivilegeError.self) { try PrivilegeDrop.find(text) }
        }
    }

    @Test func threadStatus() {
        let text = """
            Name:\tevents
            Uid:\t65534\t65534\t65534\t65534
            CapInh:\t0000000000000000
            CapPrm:\t0000000000280004
            CapEff:\t0000000000280004
            CapBnd:\t0000000000000000
            CapAmb:\t0000000000000000
            NoNewPrivs:\t1
            Seccomp:\t2
            """
        let status = ThreadStatus(text)
        #expect(status.hasNothing(but: Capabilities.mask([.sysPtrace, .dacReadSearch, .sysAdmin])))
        #expect(!status.hasNothing(but: Capabilities.mask([.sysPtrace, .dacReadSearch])))
        #expect(status.isFiltered && status.users == [65534] && status.name == "events")
        for line in ["CapInh:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1"] {
            let changed = text.replacingOccurrences(of: line, with: line.dropLast() + "3")
            #expect(!ThreadStatus(changed).hasNothing(but: .max), "\(line)")
            // What cannot be read counts against it.
            #expect(!ThreadStatus(text.replacingOccurrences(of: line, with: "")).hasNothing(but: .max), "\(line)")
        }
    }

    @Test func namesOfCapabilities() {
        for name in Capabilities.Name.allCases {
            #expect(Capabilities.Name(text: Substring(name.text)) == name)
            #expect(Capabilities.Name(text: name.text.lowercased().dropFirst(4)) == name)
        }
        #expect(Capabilities.Name(text: "cap_sys_boot") == nil)
        #expect(Capabilities.Name(text: "") == nil)
    }
}
