/// One method call whose arguments are strings.
public struct DBusCall: Sendable, Hashable {
    /// Bus name of the service; ignored by a peer without a bus.
    public var destination: String
    /// Object path, such as `/org/freedesktop/systemd1`.
    public var path: String
    public var interface: String
    public var member: String
    public var arguments: [String]

    public init(destination: String, path: String, interface: String, member: String, arguments: [String] = []) {
        self.destination = destination
        self.path = path
        self.interface = interface
        self.member = member
        self.arguments = arguments
    }

    /// `org.freedesktop.DBus.Properties.Get` (D-Bus Specification, "Standard Interfaces").
    public static func property(_ name: String, of interface: String, path: String, destination: String) -> DBusCall {
        DBusCall(
            destination: destination, path: path, interface: "org.freedesktop.DBus.Properties", member: "Get",
            arguments: [interface, name])
    }

    /// The path element that stands for `name`: letters and digits stay, except a leading digit; every other byte is `_`
    /// and two hexadecimal digits (systemd's bus_label_escape, src/shared/bus-label.c; an empty name is `_`).
    public static func pathElement(_ name: String) -> String {
        if name.isEmpty { return "_" }
        let digits = Array("0123456789abcdef".utf8)
        var escaped = [UInt8]()
        for (index, byte) in name.utf8.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): escaped.append(byte)
            case UInt8(ascii: "0")...UInt8(ascii: "9") where index > 0: escaped.append(byte)
            default: escaped += [UInt8(ascii: "_"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}
