/// The bytes of a cgroup path and where its components lie: what the classification rules ask.
struct CgroupPath {
    private let bytes: [UInt8]
    /// Byte ranges of the components without their slashes. Empty components are dropped, and `..` at the beginning: seen
    /// from a private cgroup namespace, paths outside of it begin with `/..` (cgroup_namespaces(7)).
    private let components: [Range<Int>]

    /// More components than any cgroup tree has; what follows is only searched, not split.
    private static let componentLimit = 64

    init(_ bytes: [UInt8]) {
        var components = [Range<Int>]()
        var start = 0
        for index in 0...bytes.count where index == bytes.count || bytes[index] == UInt8(ascii: "/") {
            if index > start, components.count < Self.componentLimit {
                let isParent =
                    index == start + 2 && bytes[start] == UInt8(ascii: ".") && bytes[start + 1] == bytes[start]
                if !isParent || !components.isEmpty { components.append(start..<index) }
            }
            start = index + 1
        }
        self.bytes = bytes
        self.components = components
    }

    var isAbsolute: Bool { bytes.first == UInt8(ascii: "/") }
    var componentCount: Int { components.count }

    func component(_ index: Int) -> String { text(components[index]) }

    /// Whether component `index` exists and is `text`.
    func component(_ index: Int, is text: StaticString) -> Bool {
        index < components.count && components[index].count == text.utf8CodeUnitCount
            && matches(text, at: components[index].lowerBound)
    }

    /// Whether component `index` exists and begins with `text`.
    func component(_ index: Int, startsWith text: StaticString) -> Bool {
        index < components.count && has(prefix: text, components[index])
    }

    func contains(_ text: StaticString) -> Bool { find(text, from: 0) != nil }

    func hasSuffix(_ text: StaticString) -> Bool { has(suffix: text, 0..<bytes.count) }

    /// The first 64 characters in a row of `[a-z0-9]` at or after `start`.
    func id(from start: Int = 0) -> Range<Int>? {
        var run = 0
        for index in start..<bytes.count {
            run = Self.isIDByte(bytes[index]) ? run + 1 : 0
            if run == CgroupClassification.idLength { return (index + 1 - run)..<(index + 1) }
        }
        return nil
    }

    /// The id that directly follows the first `prefix` that is followed by one.
    private func id(after prefix: StaticString) -> Range<Int>? {
        var position = 0
        while let found = find(prefix, from: position) {
            let start = found + prefix.utf8CodeUnitCount
            let end = start + CgroupClassification.idLength
            if end <= bytes.count, bytes[start..<end].allSatisfy(Self.isIDByte) { return start..<end }
            position = found + 1
        }
        return nil
    }

    // MARK: Rules

    func kubernetes() -> CgroupClassification {
        if let id = id(after: "crio-") { return result(.crio, "kubepods-crio", id: id) }
        if contains("crio-conmon-") { return result(.unknown, "crio-conmon") }
        if let id = id(after: "cri-containerd-") ?? id(after: "cri-containerd:") {
            return result(.containerd, "kubepods-containerd", id: id)
        }
        if let id = id() { return result(.docker, "kubepods", id: id) }
        return result(.sandbox, "kubepods-sandbox")
    }

    /// The first component that a runtime named for a container, wherever it stands: what runs nested in a container is
    /// that one's. Nil below a pod of Kubernetes, which has rules of its own.
    ///
    /// Podman names a component `libpod-ID` (cgroupfs), `libpod-ID.scope` (systemd) or `libpod-payload-ID`
    /// (`--cgroups=split`), its monitor's `libpod-conmon-ID`. The others name scopes, which systemd does not make inside
    /// of a service, but what a service runs may.
    func scope() -> CgroupClassification? {
        let isUser = component(0, is: "user.slice")
        var isService = false
        for (index, component) in components.enumerated() {
            if find("kubepods", from: component.lowerBound, to: component.upperBound) != nil { return nil }
            if has(prefix: "libpod-", component) {
                if has(prefix: "libpod-conmon-", component) { return result(.unknown, "podman-conmon") }
                let isPayload = has(prefix: "libpod-payload-", component)
                if let id = hexadecimal(component, after: isPayload ? 15 : 7) {
                    return result(.podman, "podman", id: id)
                }
            }
            if isService { continue }
            if has(suffix: ".scope", component) {
                if let id = hexadecimal(component, after: "docker-") { return result(.docker, "docker-scope", id: id) }
                if let id = hexadecimal(component, after: "nerdctl-") {
                    return result(.containerd, "nerdctl-scope", id: id)
                }
                if let id = hexadecimal(component, after: "cri-containerd-") {
                    return result(.containerd, "cri-containerd-scope", id: id)
                }
                if let id = hexadecimal(component, after: "crio-") { return result(.crio, "crio-scope", id: id) }
            }
            // Containers of unprivileged users; the system's are at the top.
            if isUser, let lxc = lxc(index) { return lxc }
            isService = has(suffix: ".service", component) && !(isUser && index == 2)
        }
        return nil
    }

    /// LXC, LXD and Incus: `lxc.payload.NAME`, `lxc.payload/NAME` (LXC 3) or `lxc/NAME` (older), with the monitor beside
    /// it. Incus and LXD write `PROJECT_NAME` where the project is not the default one.
    func lxc(_ index: Int) -> CgroupClassification? {
        if component(index, startsWith: "lxc.monitor") { return result(.unknown, "lxc-monitor") }
        if component(index, is: "lxc") || component(index, is: "lxc.payload"), index + 1 < components.count {
            let rule = component(index, is: "lxc") ? "lxc" : "lxc-payload"
            return result(.lxc, rule, id: "/lxc/" + component(index + 1), components: index + 2)
        }
        let prefix: StaticString = "lxc.payload."
        guard component(index, startsWith: prefix), components[index].count > prefix.utf8CodeUnitCount else {
            return nil
        }
        let name = (components[index].lowerBound + prefix.utf8CodeUnitCount)..<components[index].upperBound
        return result(.lxc, "lxc-payload", id: "/lxc/" + text(name), components: index + 1)
    }

    /// Guests that systemd-machined or libvirt placed: `machine-NAME.scope` and `systemd-nspawn@NAME.service` in
    /// `machine.slice` or a slice below it, `/machine/NAME.libvirt-DRIVER` without systemd. libvirt's names are
    /// `DRIVER-NUMBER-NAME`, with a number that changes at each start.
    func machine() -> CgroupClassification? {
        if component(0, is: "machine"), components.count > 1 {
            guard let end = find(".libvirt-", from: components[1].lowerBound, to: components[1].upperBound) else {
                return nil
            }
            return machine(text(components[1].lowerBound..<end), "libvirt", components: 2)
        }
        guard component(0, is: "machine.slice") else { return nil }
        for (index, component) in components.enumerated().dropFirst() {
            if has(suffix: ".slice", component) { continue }
            if has(prefix: "machine-", component), has(suffix: ".scope", component), component.count > 14 {
                return machine(
                    text((component.lowerBound + 8)..<(component.upperBound - 6)), "machine-scope",
                    components: index + 1)
            }
            if has(prefix: "systemd-nspawn@", component), has(suffix: ".service", component), component.count > 23 {
                return machine(
                    text((component.lowerBound + 15)..<(component.upperBound - 8)), "nspawn", components: index + 1)
            }
            return nil
        }
        return nil
    }

    private func machine(_ escaped: String, _ rule: String, components count: Int) -> CgroupClassification {
        var name = SystemdUnit.unescapeAll(escaped)[...]
        let parts = name.split(separator: "-", maxSplits: 2, omittingEmptySubsequences: false)
        if parts.count == 3, ["qemu", "lxc", "xen", "ch", "bhyve"].contains(parts[0]), !parts[2].isEmpty,
            !parts[1].isEmpty, parts[1].utf8.allSatisfy(KubernetesName.isDigit)
        {
            name = parts[2]
        }
        return result(.machine, rule, id: "/machine/" + name, components: count)
    }

    /// `/user.slice/user-UID.slice/user@UID.service/…/UNIT.service`: a service of a user's own systemd.
    func userService() -> CgroupClassification? {
        guard component(0, is: "user.slice"), components.count > 3, component(2, startsWith: "user@"),
            has(suffix: ".service", components[2])
        else { return nil }
        let uid = text((components[2].lowerBound + 5)..<(components[2].upperBound - 8))
        for (index, component) in components.enumerated().dropFirst(3) where has(suffix: ".service", component) {
            let unit = SystemdUnit.unescape(text(component))
            return result(.userService, "user-service", id: "/user.slice/\(uid)/\(unit)", components: index + 1)
        }
        return nil
    }

    /// An id alone somewhere below a user's slice: rootless Podman without systemd.
    func rootlessPodman() -> CgroupClassification? {
        for (index, component) in components.enumerated().dropFirst(2)
        where component.count == CgroupClassification.idLength && hexadecimal(component, after: 0) != nil {
            return result(.podman, "bare-id", id: text(component), components: index + 1, isCandidate: true)
        }
        return nil
    }

    /// Paths that only the runtimes themselves can confirm: `/NAMESPACE/NAME`, as containerd makes them where nobody
    /// asked for others, and an id alone below any parent (`docker run --cgroup-parent`, nerdctl).
    func candidate() -> CgroupClassification? {
        for (index, component) in components.enumerated().dropFirst()
        where component.count == CgroupClassification.idLength && hexadecimal(component, after: 0) != nil {
            return result(
                index == 1 ? .containerd : .docker, "bare-id", id: text(component), components: index + 1,
                isCandidate: true)
        }
        guard components.count > 1, isIdentifier(components[0]), isIdentifier(components[1]) else { return nil }
        return result(.containerd, "containerd-candidate", id: component(1), components: 2, isCandidate: true)
    }

    /// containerd's rule for namespaces and ids (pkg/identifiers): at most 76 bytes of letters, digits, `.`, `_` and `-`,
    /// beginning and ending with a letter or digit. Names of systemd's units are none.
    private func isIdentifier(_ range: Range<Int>) -> Bool {
        guard range.count <= 76, Self.isLetterOrDigit(bytes[range.lowerBound]),
            Self.isLetterOrDigit(bytes[range.upperBound - 1]),
            !has(suffix: ".slice", range), !has(suffix: ".scope", range), !has(suffix: ".service", range)
        else { return false }
        return bytes[range].allSatisfy { byte in
            Self.isLetterOrDigit(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: "-")
        }
    }

    // MARK: Results

    /// A result whose root is the component that holds the id.
    func result(_ kind: RuntimeKind, _ rule: String, id: Range<Int>) -> CgroupClassification {
        let end = bytes[id.upperBound...].firstIndex(of: UInt8(ascii: "/")) ?? bytes.count
        return CgroupClassification(kind: kind, rawID: text(id), rule: rule, rootPath: text(0..<end))
    }

    /// A result whose root is the first `components` components; all of them by default.
    func result(
        _ kind: RuntimeKind, _ rule: String, id: String = "", components count: Int? = nil, isCandidate: Bool = false
    ) -> CgroupClassification {
        let end = count.map { components[$0 - 1].upperBound } ?? bytes.count
        return CgroupClassification(
            kind: kind, rawID: id, rule: rule, rootPath: text(0..<end), isCandidate: isCandidate)
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    private func has(prefix: StaticString, _ range: Range<Int>) -> Bool {
        range.count >= prefix.utf8CodeUnitCount && matches(prefix, at: range.lowerBound)
    }

    private func has(suffix: StaticString, _ range: Range<Int>) -> Bool {
        range.count >= suffix.utf8CodeUnitCount && matches(suffix, at: range.upperBound - suffix.utf8CodeUnitCount)
    }

    /// The 64 hexadecimal digits of a component after its first `skipped` bytes.
    private func hexadecimal(_ component: Range<Int>, after skipped: Int) -> Range<Int>? {
        let start = component.lowerBound + skipped
        let end = start + CgroupClassification.idLength
        guard end <= component.upperBound, bytes[start..<end].allSatisfy(Self.isHexadecimal) else { return nil }
        return start..<end
    }

    private func hexadecimal(_ component: Range<Int>, after prefix: StaticString) -> Range<Int>? {
        has(prefix: prefix, component) ? hexadecimal(component, after: prefix.utf8CodeUnitCount) : nil
    }

    private func matches(_ text: StaticString, at position: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        guard position + count <= bytes.count else { return false }
        return text.withUTF8Buffer { wanted in
            for offset in 0..<count where bytes[position + offset] != wanted[offset] { return false }
            return true
        }
    }

    private func find(_ text: StaticString, from start: Int, to end: Int? = nil) -> Int? {
        let last = (end ?? bytes.count) - text.utf8CodeUnitCount
        guard start <= last else { return nil }
        for position in start...last where matches(text, at: position) { return position }
        return nil
    }

    private static func isIDByte(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") || byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "f") || byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        isIDByte(byte) || byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
    }
}
