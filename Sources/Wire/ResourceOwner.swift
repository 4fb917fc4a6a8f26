/// Whose an item of OTLP is: the resource (opentelemetry/proto/resource/v1/resource.proto) under which it is exported.
///
/// A batch groups by identity: one object for each resource.
public protocol ResourceOwner: AnyObject, Sendable {
    /// Asked once for each batch that has an item of the owner.
    func describe(_ resource: inout ResourceEncoder)
}
