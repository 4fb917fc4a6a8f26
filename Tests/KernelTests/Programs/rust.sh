#!/usr/bin/env bash
# Builds web.rs with Debian's Rust and rustls.
# usage: rust.sh TARGET release|whole      whole: all of the program is optimized together
set -euo pipefail
target=$1 profile=$2
programs=$(cd "$(dirname "$0")" && pwd)
cache=/tmp/martlet-rust-cache
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
mkdir -p "$project/.cargo" "$cache"
cat >"$project/.cargo/config.toml" <<END
[source.crates-io]
replace-with = "debian"
[source.debian]
directory = "/usr/share/cargo/registry"
END
cat >"$project/Cargo.toml" <<END
[package]
name = "web"
version = "0.0.0"
edition = "2021"
[[bin]]
name = "web"
path = "$programs/web.rs"
[dependencies]
rustls = { version = "0.20", features = ["dangerous_configuration"] }
[profile.whole]
inherits = "release"
lto = "fat"
codegen-units = 1
END
cd "$project"
export RUSTC=/usr/bin/rustc CARGO_HOME=$cache/home RUSTFLAGS=
# One at a time: what is built before is kept.
exec 9>"$cache/lock"
flock 9
/usr/bin/cargo build --quiet --offline --profile "$profile" --target-dir "$cache"
cp "$cache/$profile/web" "$target"
