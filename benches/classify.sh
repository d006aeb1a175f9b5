#!/bin/sh
# Bytes and lines per second of `themegate classify` beside grep and ripgrep with the same patterns, on one core, in one run.
# Usage: benches/classify.sh LOG [MEBIBYTES]; needs rg, GNU time, taskset. Prints a table for docs/benchmarks.md.
set -eu
log=$1
size=${2:-1024}
bin=${THEMEGATE:-target/release/themegate}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

while [ "$(stat -c %s "$work/one" 2>/dev/null || echo 0)" -lt 8388608 ]; do cat "$log" >> "$work/one"; done
repeats=$((size * 1048576 / $(stat -c %s "$work/one") + 1))
i=0
while [ $i -lt $repeats ]; do cat "$work/one" >> "$work/big"; i=$((i + 1)); done
"$bin" rules patterns > "$work/patterns"
bytes=$(stat -c %s "$work/big")
lines=$(wc -l < "$work/big")
cat "$work/big" > /dev/null

measure() { # name command...
    name=$1
    shift
    start=$(date +%s.%N)
    "$@" > /dev/null 2>&1 || true
    end=$(date +%s.%N)
    awk -v n="$name" -v s="$start" -v e="$end" -v b="$bytes" -v l="$lines" \
        'BEGIN { t = e - s; printf "| %s | %.1f s | %.0f MB/s | %.2f M lines/s |\n", n, t, b / t / 1e6, l / t / 1e6 }'
}
echo "| $bytes bytes, $lines lines, $(wc -l < "$work/patterns") patterns, one core | time | bytes | lines |"
echo "|---|---|---|---|"
measure "themegate classify" taskset -c 0 "$bin" classify "$work/big"
measure "ripgrep -j1 -f" taskset -c 0 rg -j1 --count -f "$work/patterns" "$work/big"
if [ "${WITH_GREP:-1}" = 1 ]; then
    head -c 33554432 "$work/big" > "$work/small"
    bytes=$(stat -c %s "$work/small")
    lines=$(wc -l < "$work/small")
    measure "grep -E -c -f (32 MiB of it)" taskset -c 0 timeout 300 grep -E -c -f "$work/patterns" "$work/small"
fi
