#!/bin/sh
# How long it takes to get 100,000 people out of a theme: themegate against a hand-written UPDATE … jsonb.
#
#   cargo build --release && benches/rollback_theme.sh [PEOPLE]
#
# Starts a PostgreSQL of its own in a temporary directory, with fsync on. The hand-written statement reorders and
# respaces every text, so that Rails takes each for changed; it is here as the measure of what the database itself needs.
set -eu
people=${1:-100000}
program=${THEMEGATE:-$(dirname "$0")/../target/release/themegate}
program=$(realpath "$program")
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
PATH=${bin:-}:$PATH
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
folder=$(mktemp -d)
chmod 755 "$folder"
cd "$folder"
[ "$(id -u)" != 0 ] || chown postgres "$folder"
port=$((20000 + $$ % 20000))
as initdb -D "$folder/data" -A trust -U mastodon -E UTF8 --locale=C.UTF-8 >/dev/null
stop() { as pg_ctl -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$folder"; }
trap stop EXIT INT TERM
as pg_ctl -D "$folder/data" -w -l "$folder/log" -o "-k $folder -h '' -p $port" start >/dev/null
sql() { psql -qAt -U mastodon -h "$folder" -p "$port" -v ON_ERROR_STOP=1 "$@"; }
sql -d postgres -c 'CREATE DATABASE mastodon_production'
fill() {
  sql -d mastodon_production <<SQL
SET client_min_messages = warning;
DROP TABLE IF EXISTS users, accounts, settings;
CREATE TABLE accounts (id bigserial PRIMARY KEY, username varchar, domain varchar);
CREATE TABLE users (id bigserial PRIMARY KEY, account_id bigint, settings text, updated_at timestamp DEFAULT now());
CREATE TABLE settings (id bigserial PRIMARY KEY, var varchar UNIQUE, value text, created_at timestamp, updated_at timestamp);
INSERT INTO accounts (username) SELECT 'user' || n FROM generate_series(1, $people) AS n;
INSERT INTO users (account_id, settings) SELECT id, '{"default_privacy":"public","default_sensitive":false,"web.use_blurhash":true,"theme":"bad","web.reduce_motion":true,"web.delete_modal":true,"notification_emails.follow":true,"notification_emails.mention":false,"interactions.must_be_follower":false,"aggregate_reblogs":true,"noindex":false,"show_application":true}' FROM accounts;
VACUUM ANALYZE;
CHECKPOINT;
SQL
}
live=$folder/live
mkdir -p "$live/config"
printf 'default: styles/application.scss\nbad: styles/bad.scss\n' > "$live/config/themes.yml"
printf 'DB_HOST=%s\nDB_PORT=%s\nDB_NAME=mastodon_production\nDB_USER=mastodon\n' "$folder" "$port" > "$live/.env.production"
seconds() {
  start=$(date +%s.%N)
  "$@" >/dev/null
  end=$(date +%s.%N)
  awk "BEGIN { s = $end - $start; printf \"%6.2f s   %8.0f users/s\\n\", s, $people / s }"
}
# A run that changed nothing is no measurement.
expect() {
  left=$(sql -d mastodon_production -c "SELECT count(*) FROM users WHERE settings::json->>'theme' = 'bad'")
  [ "$left" = "$1" ] || { echo "$left people are on the theme, not $1" >&2; exit 1; }
}
for round in 1 2 3; do
  fill
  printf 'hand-written jsonb   '
  seconds sql -d mastodon_production -c "UPDATE users SET settings = (settings::jsonb - 'theme')::text WHERE settings::jsonb->>'theme' = 'bad'"
  expect 0
  fill
  printf 'themegate            '
  seconds "$program" rollback-theme --all-on bad --yes --second-look 0 --live "$live"
  expect 0
  undo=$(ls -t "$folder"/.themegate/undo/*.json | head -1)
  printf 'themegate --undo     '
  seconds "$program" rollback-theme --undo "$undo" --yes --second-look 0 --live "$live"
  expect "$people"
done
