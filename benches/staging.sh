#!/bin/sh
# Compares staging with `cp -a` and `rsync -a` on a tree of your own:  benches/staging.sh LIVE_TREE
# The stage is made beside the tree, on the same file system. Needs hyperfine; builds the example first.
set -eu
live=$(realpath "$1")
beside=$(dirname "$live")/.themegate-bench
cargo build --release --quiet --example stage_once
stage="$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/examples/stage_once"
set -- --warmup 1 --runs 5 --prepare "rm -rf '$beside'; mkdir -p '$beside'; sync"
set -- "$@" -n themegate "'$stage' '$live' '$beside'" -n 'cp -a' "cp -a '$live' '$beside/copy'"
if command -v rsync >/dev/null; then
  set -- "$@" -n 'rsync -a' "rsync -a '$live/' '$beside/copy/'"
fi
hyperfine "$@"
rm -rf "$beside"
