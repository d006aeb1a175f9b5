#!/usr/bin/env bash
# A whole check beside the bare precompile, on a real fixture site:
#   benches/check.sh FOLDER webpacker|vite [ROUNDS] [FILES] [MODULES]
#
# The site is copied to FOLDER, which is made and removed afterwards, and filled up to FILES files (59,848 as in Mastodon 4.6; 0 to
# leave it as it is). Each round runs, one after the other: the bare `rails assets:precompile` without and with its compile caches,
# and `themegate check` without and with those that it keeps. Output and digests are removed before each bare run, since it would
# find nothing to do. A check that answers from evidence is timed last. The fixture site compiles in seconds, Mastodon in minutes:
# with MODULES an entry is added that imports so many modules of 4 KB.
set -euo pipefail
folder=$1 kind=$2 rounds=${3:-5} files=${4:-0} modules=${5:-0}
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
cargo build --release --quiet --bin themegate --example bench_tree
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
cache=${THEMEGATE_FIXTURE_CACHE:-$target/fixtures}
"fixtures/setup-$kind-site.sh" >/dev/null
while IFS='=' read -r name value; do
  value=${value%\"} value=${value#\"}
  case $name in PATH_PREPEND) export PATH="$value:$PATH" ;; *) export "$name=$value" ;; esac
done < "$cache/$kind-site.env"
mkdir -p "$folder"
folder=$(realpath "$folder")
live=$folder/live bare=$folder/bare figures=$folder/figures
cp -a "$cache/$kind-site" "$live"
if [ "$files" != 0 ]; then
  "$target/release/examples/bench_tree" "$live" "$files"
  # Rails would load these, and they say nothing that it can read.
  rm -rf "$live"/app/models/bench-* "$live"/config/locales/bench-* "$live"/lib/bench-*
fi
if [ "$modules" != 0 ]; then
  entries=$([ "$kind" = vite ] && echo entrypoints || echo packs)
  node -e 'const { mkdirSync, writeFileSync } = require("fs");
    const [folder, entries, count] = process.argv.slice(1);
    const names = [...Array(Number(count)).keys()];
    const one = (n, k) => `export const f${n}x${k} = ({ a = ${k}, ...rest }, ...more) => {
  const told = more.map((one) => \`${n}-${k}:${"$"}{one?.name ?? a}\`).filter(Boolean);
  return { ...rest, told, sum: told.reduce((sum, { length }) => sum + length ** 2, ${n * k}) };
};\n`;
    mkdirSync(`${folder}/bench`);
    for (const n of names) writeFileSync(`${folder}/bench/m${n}.js`, [...Array(16).keys()].map((k) => one(n, k)).join(""));
    const lines = names.map((n) => `import * as m${n} from "../bench/m${n}";\n`);
    writeFileSync(`${folder}/${entries}/bench.js`, `${lines.join("")}console.log(${names.map((n) => `m${n}`).join(", ")});\n`);' \
    "$live/app/javascript" "$entries" "$modules"
fi
cp -a "$live" "$bare"
: > "$figures"

timed() { # NAME COMMAND...
  local name=$1 began
  shift
  began=$(date +%s.%N)
  "$@" > "$folder/said" 2>&1 || { cat "$folder/said" >&2; exit 1; }
  echo "$name $began $(date +%s.%N)" | awk '{ printf "%s %.3f\n", $1, $3 - $2 }' >> "$figures"
}
precompile() { (cd "$bare" && bundle exec rails assets:precompile); }
check() { "$target/release/themegate" check --live "$live" --format json --output "$folder/report.json" "$@"; }
forget_output() { rm -rf "$bare/public/packs" "$bare/public/assets" "$bare"/tmp/cache/webpacker/last-* "$bare"/tmp/cache/vite/last-*; }
# What node has compiled of webpack lies in the system's folder for temporary files.
forget_caches() {
  rm -rf "$bare/tmp/cache" "$bare/node_modules/.cache" "$bare/node_modules/.vite" "${TMPDIR:-/tmp}"/v8-compile-cache*
}
another_question() { date +%s%N > "$live/app/asked"; }
stages() { # NAME: what the check spent on each stage
  node -e 'const r = JSON.parse(require("fs").readFileSync(process.argv[1]));
    console.log(process.argv[2], r.timings.map((t) => `${t.stage}=${Number(t.seconds ?? t.ms / 1000).toFixed(2)}`).join(" "))' \
    "$folder/report.json" "$1" >> "$folder/stages"
}

precompile > /dev/null 2>&1
for _ in $(seq "$rounds"); do
  forget_output; forget_caches; timed bare-cold precompile
  another_question; timed check-cold check --fresh; stages check-cold
  forget_output; timed bare-warm precompile
  another_question; timed check-warm check; stages check-warm
done
sleep 3
for _ in $(seq "$rounds"); do timed check-again check; done
echo "$kind site, $(find "$live" -type f | wc -l) files, $modules modules added, $(stat -f -c %T "$folder"), medians of $rounds rounds"
sort -k1,1 -k2,2n "$figures" | awk '
  function done_with() { if (n) printf "%-12s %8.2f s   (%.2f-%.2f)\n", name, took[int((n + 1) / 2)], took[1], took[n] }
  $1 != name { done_with(); name = $1; n = 0 }
  { took[++n] = $2 }
  END { done_with() }'
echo "the last round's stages:"
tail -2 "$folder/stages"
rm -rf "$folder"
