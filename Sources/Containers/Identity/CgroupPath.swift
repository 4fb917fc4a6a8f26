/// The bytes of a cgroup path and where its components lie: what the classification rules ask.
struct CgroupPath {
    private let bytes: [UInt8]
    /// Byte ranges of the components without their slashes; empty components are dropped.
    private let components: [Range<Int>]

    /// More components than any cgroup tree has; what follows is only searched, not split.
    private static let componentLimit = 64

    init(_ path: String) {
        let bytes = Array(path.utf8)
        var components = [Range<Int>]()
        var start = 0
        for index in 0...bytes.count where index == bytes.count || bytes[index] == UInt8(ascii: "/") {
            if index > start, components.count < Self.componentLimit { components.append(start..<index) }
            start = index + 1
        }
        self.bytes = bytes
        self.components = components
    }

    var isAbsolute: Bool { bytes.first == UInt8(ascii: "/") }
    var componentCount: Int { components.count }

    func component(_ index: Int) -> String { text(components[index]) }

    func contains(_ text: StaticString) -> Bool { find(text, from: 0) != nil }

    func hasSuffix(_ text: StaticString) -> Bool {
        bytes.count >= text.utf8CodeUnitCount && matches(text, at: bytes.count - text.utf8CodeUnitCount)
    }

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

    func kubernetes() -> CgroupClassification {
        if let id = id(after: "crio-") { return result(.crio, "kubepods-crio", id: id) }
        if contains("crio-conmon-") { return result(.unknown, "crio-conmon") }
        if let id = id(after: "cri-containerd-") ?? id(after: "cri-containerd:") {
            return result(.containerd, "kubepods-containerd", id: id)
        }
        if let id = id() { return result(.docker, "kubepods", id: id) }
        return result(.sandbox, "kubepods-sandbox")
    }

    /// Podman names a component `libpod-ID` (cgroupfs), `libpod-ID.scope` (systemd) or `libpod-payload-ID`
    /// (`--cgroups=split`), its monitor's `libpod-conmon-ID`.
    func podman() -> CgroupClassification? {
        for component in components {
            if find("kubepods", from: component.lowerBound, to: component.upperBound) != nil { return nil }
            guard matches("libpod-", at: component.lowerBound) else { continue }
            if matches("libpod-conmon-", at: component.lowerBound) { return result(.unknown, "podman-conmon") }
            let isPayload = matches("libpod-payload-", at: component.lowerBound)
            let start = component.lowerBound + (isPayload ? 15 : 7)
            let end = start + CgroupClassification.idLength
            guard end <= component.upperBound, bytes[start..<end].allSatisfy(Self.isHexadecimal) else { continue }
            return result(.podman, "podman", id: start..<end)
        }
        return nil
    }

    /// A result whose root is the component that holds the id.
    func result(_ kind: RuntimeKind, _ rule: String, id: Range<Int>) -> CgroupClassification {
        let end = bytes[id.upperBound...].firstIndex(of: UInt8(ascii: "/")) ?? bytes.count
        return CgroupClassification(kind: kind, rawID: text(id), rule: rule, rootPath: text(0..<end))
    }

    /// A result whose root is the first `components` components; all of them by default.
    func result(
        _ kind: RuntimeKind, _ rule: String, id: String = "", components count: Int? = nil
    ) -> CgroupClassification {
        let end = count.map { components[$0 - 1].upperBound } ?? bytes.count
        return CgroupClassification(kind: kind, rawID: id, rule: rule, rootPath: text(0..<end))
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

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
}
