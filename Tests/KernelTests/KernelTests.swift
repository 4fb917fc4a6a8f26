import Glibc
import Linux
import Testing

/// Tests that load real BPF programs. They share the machine's kernel, so they run one after the other.
@Suite(.serialized, .enabled(if: geteuid() == 0, "needs root: BPF programs are loaded into this kernel"))
struct KernelTests {}
