"""How much of the machine's busy time programs in the kernel take while it is loaded, as perf sees it: a share in one run, which a
noisy machine changes little."""
import collections
import shutil
import subprocess

# What the kernel calls to run programs; all that is below counts, with what it costs to call them.
HOOKS = ("__cgroup_bpf_run_filter_skb", "bpf_trace_run", "uprobe_")
IDLE = ("pv_native_safe_halt", "default_idle", "acpi_idle_enter", "intel_idle", "cpuidle_enter")


def available():
    return shutil.which("perf") is not None


def share(run, seconds, path):
    """While `run` works: the share of all busy samples that is in programs, and how many samples there are."""
    recording = subprocess.Popen(
        ["perf", "record", "-a", "-g", "-e", "cpu-clock", "-F", "1999", "-o", path, "--", "sleep", str(seconds)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run()
    recording.wait()
    script = subprocess.run(["perf", "script", "-i", path, "-F", "ip,sym"], capture_output=True, text=True, check=True).stdout
    counts = collections.Counter(kind(sample) for sample in script.split("\n\n"))
    busy = counts["programs"] + counts["rest"]
    return (counts["programs"] / busy if busy else 0), busy


def kind(sample):
    """What a stack, a symbol a line, counts as."""
    symbols = [parts[1] for parts in (line.split(None, 1) for line in sample.splitlines()) if len(parts) > 1]
    if not symbols or any(symbol.startswith(IDLE) for symbol in symbols):
        return "idle"
    return "programs" if any(symbol.startswith(HOOKS) for symbol in symbols) else "rest"
