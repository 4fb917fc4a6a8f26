/// Dubbo2.
final class Dubbo2Parser: ProtocolParser {
}
