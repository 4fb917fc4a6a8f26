import ArgumentParser

/// Which requests have spans, and what those say.
struct TraceFlags: ParsableArguments {
    @Option(
        name: .customLong("traces-sampling"),
        help: ArgumentHelp("Part of all traces that is kept, from 0 to 1. (default: 1.0)", valueName: "part"))
    var tracesSampling: String?

    @Option(
        name: .customLong("traces-semconv"),
        help: ArgumentHelp("Names of attributes: old, stable or both. (default: old)", valueName: "names"))
    var tracesSemconv: String?

    @Flag(
        name: .customLong("traces-inbound"), inversion: .prefixedNo,
        help: ArgumentHelp("Spans also of the requests that containers serve. (default: off)"))
    var tracesInbound: Bool?

    @Flag(
        name: .customLong("obfuscate-queries"), inversion: .prefixedNo,
        help: ArgumentHelp("Leave values out of the queries in spans. (default: off)"))
    var obfuscateQueries: Bool?
}
