import Testing

/// The release agent on this machine, with real containers and real peers.
///
/// One test runs at a time: they share the machine's kernel, and some keep every core busy.
@Suite(.serialized, .enabled(if: Machine.runsSystemTests, "needs root and MARTLET_NODE, the path of a release binary"))
struct SystemTests {}
