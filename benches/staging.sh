#!/usr/bin/env bash
# Staging beside cp, rsync and tar on a generated tree of 60,000 files:  benches/staging.sh WHERE [ROUNDS] [warm|cold]
#
# WHERE is a folder, which decides the file system (it is made, and removed afterwards), or the name of a file system: ext4,
# xfs or btrfs, made in memory then (a loop device on a tmpfs, 4 GB at most; needs root and the mkfs of that name). Each round
# runs every way once, one after the other, so that whatever else the machine does meets all of them; the medians are printed,
# with the time that the removal took beside them. `cold` drops the kernel's caches before each (needs root). What a file
# system cannot do is said, not counted.
set -euo pipefail
where=$1 rounds=${2:-5} caches=${3:-warm}
memory= folder=
leave() {
  if [ -n "$memory" ]; then
    # Whatever was busy in it a moment ago: the mounts go when it is done.
    umount "$memory/mounted" 2>/dev/null || umount -l "$memory/mounted" 2>/dev/null || true
    umount "$memory" 2>/dev/null || umount -l "$memory" 2>/dev/null || true
    rmdir "$memory"
  elif [ -n "$folder" ]; then
    rm -rf "$folder"
  fi
}
trap leave EXIT
trap 'exit 1' INT TERM
case $where in
  ext4 | xfs | btrfs)
    memory=$(mktemp -d)
    mount -t tmpfs -o size=5G themegate-bench "$memory"
    truncate -s 4G "$memory/image"
    "mkfs.$where" -q "$memory/image" > /dev/null
    mkdir "$memory/mounted"
    mount -o loop "$memory/image" "$memory/mounted"
    where=$memory/mounted/bench
    ;;
esac
mkdir -p "$where"
folder=$(realpath "$where")
cargo build --release --quiet --bin themegate --example bench_tree --example stage_once
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release
live=$folder/live state=$folder/state copy=$folder/copy
"$target/examples/bench_tree" "$live"
mkdir -p -m 700 "$state"
figures=$folder/figures
: > "$figures"

now() { date +%s.%N; }
ready() {
  sync
  if [ "$caches" = cold ]; then echo 3 > /proc/sys/vm/drop_caches; else find "$live" -type f -exec cat {} + > /dev/null; fi
}
ours() { # WAY
  ready
  local times
  if times=$("$target/examples/stage_once" "$live" "$state" "$1" "$target/themegate" 2>"$folder/why"); then
    echo "themegate-$1 $times" | cut -d ' ' -f 1-3 >> "$figures"
    # A check has looked at the tree before it stages, for the question that it asks.
    echo "$1 $times" | awk '$1 == "overlay" { printf "themegate-overlay-after-a-look %.3f %s\n", $2 - $4, $3 }' >> "$figures"
  else
    echo "not possible here: themegate $1: $(head -c 200 "$folder/why" | tr '\n' ' ')"
  fi
}
theirs() { # NAME COMMAND...
  local name=$1 began made removed
  shift
  ready
  mkdir -p "$copy"
  began=$(now)
  if "$@" 2>"$folder/why"; then
    made=$(now)
    rm -rf "$copy"
    removed=$(now)
    echo "$name $began $made $removed" | awk '{ printf "%s %.3f %.3f\n", $1, $3 - $2, $4 - $3 }' >> "$figures"
  else
    echo "not possible here: $name: $(head -c 200 "$folder/why" | tr '\n' ' ')"
    rm -rf "$copy"
  fi
}
tarred() { tar -C "$live" -cf - . | tar -C "$copy" -xf -; }

for _ in $(seq "$rounds"); do
  for way in overlay reflink copy; do ours "$way"; done
  # Where the file system can, cp clones unless it is told not to (coreutils 9.0 and later).
  theirs cp-a cp -a "$live/." "$copy"
  theirs cp-a-bytes cp -a --reflink=never "$live/." "$copy"
  theirs cp-a-reflink cp -a --reflink=always "$live/." "$copy"
  theirs rsync-a rsync -a "$live/" "$copy/"
  theirs tar-pipe tarred
done
echo "$(find "$live" -type f | wc -l) files, $(stat -f -c %T "$folder"), $caches, medians of $rounds rounds"
sort -k1,1 -k2,2n "$figures" | awk '
  function done_with() { if (n) { m = int((n + 1) / 2); printf "%-31s %8.3f s   removal %7.3f s   (%.3f-%.3f)\n", name, made[m], gone[m], made[1], made[n] } }
  $1 != name { done_with(); name = $1; n = 0 }
  { n++; made[n] = $2; gone[n] = $3 }
  END { done_with() }'
