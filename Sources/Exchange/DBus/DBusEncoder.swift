/// Writes D-Bus messages, little-endian (D-Bus Specification, "Marshaling").
///
/// Only what a method call with string arguments needs.
struct DBusEncoder {
    private(set) var bytes: [UInt8] = []

    mutating func align(to alignment: Int) {
        while bytes.count % alignment != 0 { bytes.append(0) }
    }

    mutating func append(_ byte: UInt8) { bytes.append(byte) }

    mutating func append(_ number: UInt32) {
        align(to: 4)
        for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> UInt32(shift))) }
    }

    /// A string or an object path.
    mutating func append(_ text: String) {
        append(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
        bytes.append(0)
    }

    mutating func append(signature: String) {
        bytes.append(UInt8(truncatingIfNeeded: signature.utf8.count))
        bytes.append(contentsOf: signature.utf8)
        bytes.append(0)
    }

    /// A method call without flags but "do not start the service" (NO_AUTO_START).
    static func call(_ call: DBusCall, serial: UInt32) -> [UInt8] {
        var body = DBusEncoder()
        for argument in call.arguments { body.append(argument) }

        var fields = DBusEncoder()
        func field(_ code: UInt8, _ type: String, _ text: String) {
            fields.align(to: 8)
            fields.append(code)
            fields.append(signature: type)
            if type == "g" { fields.append(signature: text) } else { fields.append(text) }
        }
        field(1, "o", call.path)
        field(2, "s", call.interface)
        field(3, "s", call.member)
        field(6, "s", call.destination)
        if !call.arguments.isEmpty { field(8, "g", String(repeating: "s", count: call.arguments.count)) }

        var message = DBusEncoder()
        message.append(UInt8(ascii: "l"))
        message.append(1 as UInt8)  // method call
        message.append(2 as UInt8)  // NO_AUTO_START
        message.append(1 as UInt8)  // version
        message.append(UInt32(body.bytes.count))
        message.append(serial)
        message.append(UInt32(fields.bytes.count))
        // The fixed part is 16 bytes long, so that alignment within the fields holds within the message.
        message.bytes += fields.bytes
        message.align(to: 8)
        return message.bytes + body.bytes
    }
}
