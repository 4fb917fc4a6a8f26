internal import CEvents
public import Protocols

extension ApplicationProtocol {
    /// What the kernel side counts.
    ///
    /// - Parameter counted: a `martlet_counted` (bpf/include/events.h); nil for others.
    public init?(counted: UInt32) {
        switch counted {
        case MARTLET_COUNTED_HTTP.rawValue: self = .http1
        case MARTLET_COUNTED_REDIS.rawValue: self = .redis
        case MARTLET_COUNTED_POSTGRES.rawValue: self = .postgres
        default: return nil
        }
    }
}
