/// The value that says that a series has ended (Prometheus, model/value/value.go): one signalling NaN.
///
/// Only its bits tell it from a NaN that was measured.
public enum StaleMarker {
    public static let value = Double(bitPattern: 0x7FF0_0000_0000_0002)

    public static func isMarker(_ value: Double) -> Bool { value.bitPattern == Self.value.bitPattern }
}
