# Shared by the scripts in tools/: sourced, never run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Ends the script with one line on standard error.
fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# Says what the script is about to do.
say() {
    echo "==> $*" >&2
}

# Puts the Swift toolchain on PATH and checks that it is recent enough.
need_swift() {
    local directory
    if ! command -v swift >/dev/null; then
        for directory in /opt/swift/usr/bin /usr/local/swift/usr/bin /usr/libexec/swift/bin; do
            if [[ -x $directory/swift ]]; then
                PATH=$directory:$PATH
                break
            fi
        done
    fi
    command -v swift >/dev/null ||
        fail "no Swift toolchain on PATH: install Swift $(cat "$root/.swift-version") from https://swift.org/install/linux"
}

# The folder of the toolchain's own programs (clang, swift-format), also where `swift` is a launcher such as swiftly's.
toolchain_bin() {
    local resources
    resources=$(swift -print-target-info | sed -n 's/.*"runtimeResourcePath" *: *"\(.*\)".*/\1/p')
    echo "${resources%/lib/swift}/bin"
}

need_root() {
    [[ $(id -u) == 0 ]] || fail "needs root: run it with sudo"
}

# Builds the release agent as one file without Swift libraries and sets `agent` to its path.
build_agent() {
    say "building martlet-node"
    (cd "$root" && swift build -c release --static-swift-stdlib --product martlet-node >&2 </dev/null) ||
        fail "the build failed"
    # Read by the scripts that source this file.
    # shellcheck disable=SC2034
    agent=$(cd "$root" && swift build -c release --static-swift-stdlib --show-bin-path)/martlet-node
}
