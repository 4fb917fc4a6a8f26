internal import CBPF
internal import Glibc
internal import Host
internal import Linux
internal import Synchronization

/// Backends of connections that Cilium's kube-proxy replacement translates, from its pinned maps.
///
/// A connection to a service has an entry in Cilium's connection tracking whose key says where the client wanted to go and
/// whose value names a backend; a second map has the backend's address. Layouts: Cilium's public headers bpf/lib/common.h
/// and conntrack.h, all addresses and ports in network order:
///
/// - key of `cilium_ct4_global` (14 bytes): service address, client address, client port, service port (the two ports change
///   places), protocol, flags (4: service entry); of `cilium_ct6_global` (38 bytes) the same with 16-byte addresses;
/// - value: the backend's number is the 8 bytes from offset 8;
/// - key of `cilium_lb4_backends_v2` and `_v3`, `cilium_lb6_backends_…`: the number, 4 bytes; value: address, then port.
///
/// Maps are opened, and their sizes checked, at most once a minute and only when a connection asks: Cilium may come later, and
/// makes its maps anew when their sizes change.
public final class CiliumMaps: @unchecked Sendable {
    // Sendable from where it is made to the one lane that uses it from then on.

    private static let service: UInt8 = 4
    private static let retryPause: UInt64 = 60_000_000_000

    /// Descriptors, -1 where there is none; closed with this object.
    private struct Family {
        var conntrack: Int32 = -1
        var backends: Int32 = -1
        var isOpen: Bool { conntrack >= 0 && backends >= 0 }
    }

    private let folder: String
    private var four = Family()
    private var six = Family()
    private var lookAgainAt: UInt64 = 0
    private let value = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 8)

    private(set) public var lookups: UInt64 = 0
    private(set) public var found: UInt64 = 0
    /// Whether there are maps at all; read from other threads.
    private let hasMaps = Atomic<Bool>(false)

    /// `root` is the host's root folder, as `HostRoot.path()` gives it.
    public init(root: String) {
        folder = root + "/sys/fs/bpf/tc/globals/"
        open()
    }

    deinit {
        closeMaps()
        value.deallocate()
    }

    private func closeMaps() {
        for raw in [four.conntrack, four.backends, six.conntrack, six.backends] where raw >= 0 { close(raw) }
    }

    public var isInUse: Bool { hasMaps.load(ordering: .relaxed) }

    private func open() {
        lookAgainAt = MonotonicClock.now() + Self.retryPause
        closeMaps()
        four = open(conntrack: "cilium_ct4_global", keySize: 14, backends: "cilium_lb4_backends", backendSize: 8)
        six = open(conntrack: "cilium_ct6_global", keySize: 38, backends: "cilium_lb6_backends", backendSize: 20)
        hasMaps.store(four.isOpen || six.isOpen, ordering: .relaxed)
    }

    private func open(conntrack: String, keySize: Int, backends: String, backendSize: Int) -> Family {
        var family = Family()
        guard let tracked = map(conntrack, keySize: keySize, valueSize: 16...512) else { return family }
        for version in ["_v3", "_v2"] {
            guard let found = map(backends + version, keySize: 4, valueSize: backendSize...512) else { continue }
            family.conntrack = tracked
            family.backends = found
            return family
        }
        close(tracked)
        return family
    }

    /// A pinned map of the expected sizes; the caller closes it.
    private func map(_ name: String, keySize: Int, valueSize: ClosedRange<Int>) -> Int32? {
        let raw = bpf_obj_get(folder + name)
        guard raw >= 0 else { return nil }
        var info = bpf_map_info()
        var length = UInt32(MemoryLayout<bpf_map_info>.size)
        guard bpf_obj_get_info_by_fd(raw, &info, &length) == 0, Int(info.key_size) == keySize,
            valueSize.contains(Int(info.value_size))
        else {
            close(raw)
            return nil
        }
        return raw
    }

    /// The backend to which Cilium sends a connection; nil where it has no such entry. At most two bpf(2) calls, none where
    /// there are no maps.
    func backend(source: Endpoint, destination: Endpoint) -> Endpoint? {
        if MonotonicClock.now() > lookAgainAt { open() }
        guard isInUse else { return nil }
        let isIPv6 = destination.address.isIPv6
        guard source.address.isIPv6 == isIPv6 else { return nil }
        lookups &+= 1
        let backend = isIPv6 ? Self.find(six, source, destination, value) : Self.find(four, source, destination, value)
        if backend != nil { found &+= 1 }
        return backend
    }

    private static func find(
        _ family: Family, _ source: Endpoint, _ destination: Endpoint,
        _ value: UnsafeMutableRawBufferPointer
    ) -> Endpoint? {
        guard family.isOpen else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: 40, alignment: 8) { key -> Endpoint? in
            writeKey(source: source, destination: destination, into: key)
            guard bpf_map_lookup_elem(family.conntrack, key.baseAddress, value.baseAddress) == 0 else { return nil }
            var number = UInt32(truncatingIfNeeded: value.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            guard number != 0, bpf_map_lookup_elem(family.backends, &number, value.baseAddress) == 0 else { return nil }
            return Self.backend(UnsafeRawBufferPointer(value), isIPv6: destination.address.isIPv6)
        }
    }

    /// The key of a service entry.
    static func writeKey(source: Endpoint, destination: Endpoint, into key: UnsafeMutableRawBufferPointer) {
        let size = destination.address.isIPv6 ? 16 : 4
        write(destination.address, at: 0, into: key)
        write(source.address, at: size, into: key)
        key.storeBytes(of: source.port.bigEndian, toByteOffset: 2 * size, as: UInt16.self)
        key.storeBytes(of: destination.port.bigEndian, toByteOffset: 2 * size + 2, as: UInt16.self)
        key.storeBytes(of: UInt8(IPPROTO_TCP), toByteOffset: 2 * size + 4, as: UInt8.self)
        key.storeBytes(of: service, toByteOffset: 2 * size + 5, as: UInt8.self)
    }

    private static func write(_ address: IPAddress, at offset: Int, into key: UnsafeMutableRawBufferPointer) {
        if address.isIPv6 {
            key.storeBytes(of: address.mappedHigh.bigEndian, toByteOffset: offset, as: UInt64.self)
            key.storeBytes(of: address.mappedLow.bigEndian, toByteOffset: offset + 8, as: UInt64.self)
        } else {
            let word = UInt32(truncatingIfNeeded: address.mappedLow)
            key.storeBytes(of: word.bigEndian, toByteOffset: offset, as: UInt32.self)
        }
    }

    /// A backend's value.
    static func backend(_ value: UnsafeRawBufferPointer, isIPv6: Bool) -> Endpoint? {
        guard value.count >= (isIPv6 ? 18 : 6) else { return nil }
        let address: IPAddress
        let port: UInt16
        if isIPv6 {
            address = IPAddress(
                mappedHigh: UInt64(bigEndian: value.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: value.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
            port = UInt16(bigEndian: value.loadUnaligned(fromByteOffset: 16, as: UInt16.self))
        } else {
            let word = UInt32(bigEndian: value.loadUnaligned(as: UInt32.self))
            address = IPAddress(mappedHigh: 0, low: 0xFFFF << 32 | UInt64(word))
            port = UInt16(bigEndian: value.loadUnaligned(fromByteOffset: 4, as: UInt16.self))
        }
        return address.isUnspecified || port == 0 ? nil : Endpoint(address: address, port: port)
    }
}
