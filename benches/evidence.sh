#!/bin/sh
# How long a check of an unchanged tree takes, on a generated tree of 60,000 files:  benches/evidence.sh FOLDER
# FOLDER is made, and removed afterwards. The builtin compiler compiles, so that the figures are those of the gate itself. As
# root, the first and the repeated check are measured from a cold disk too.
set -eu
folder=$1
mkdir -p "$folder"
folder=$(realpath "$folder")
cargo build --release --quiet
cargo build --release --quiet --example bench_tree
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release
"$target/examples/bench_tree" "$folder/live"
find "$folder/live" -type f | wc -l
check() {
  name=$1; shift
  began=$(date +%s.%N)
  "$target/themegate" check --live "$folder/live" --format json "$@" > "$folder/report.json" || true
  ended=$(date +%s.%N)
  echo "$name $began $ended" | awk '{ printf "%-28s %6.2f s   ", $1, $3 - $2 }'
  sed -n 's/^  "verdict": \(.*\),/verdict \1/p; s/^  "answered_from": \(.*\),/answered from \1/p' "$folder/report.json" | tr '\n' ' '
  sed -n '/"stage": "evidence"/{n;s/.*: /digest /p}' "$folder/report.json"
}
cold() {
  sync
  echo 3 2>/dev/null > /proc/sys/vm/drop_caches || { echo "$1: only root can empty the page cache"; return 0; }
  check "$@"
}
check first
sleep 3
for _ in 1 2 3 4 5; do check again; done
cold again-cold
printf ' ' >> "$folder/live/app/javascript/styles/application.scss"
check one-byte-more
check fresh --fresh
rm -rf "$folder/.themegate"
cold first-cold
rm -rf "$folder"
