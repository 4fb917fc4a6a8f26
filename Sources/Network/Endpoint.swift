public import CEvents
public import Host

/// An address and a port; written as `1.2.3.4:80` or `[2001:db8::1]:80`.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    public let address: IPAddress
    public let port: UInt16

    public init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// The far end of a kernel event.
    public init(remote ends: martlet_endpoints) {
        self.init(Self.address(ends.remote_address), ends.remote_port)
    }

    /// The near end of a kernel event.
    public init(local ends: martlet_endpoints) {
        self.init(Self.address(ends.local_address), ends.local_port)
    }

    private init(_ address: IPAddress, _ port: UInt16) {
        self.address = address
        self.port = port
    }

    public var description: String { address.isIPv6 ? "[\(address)]:\(port)" : "\(address):\(port)" }

    private typealias Bytes = (
        UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8
    )

    private static func address(_ bytes: Bytes) -> IPAddress {
        withUnsafeBytes(of: bytes) { raw in
            IPAddress(
                mappedHigh: UInt64(bigEndian: raw.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
    }
}
