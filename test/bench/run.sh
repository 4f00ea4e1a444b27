#!/bin/sh
# The benchmark: builds, starts a private server and a local API, and prints the
# tables of doc/performance.md, everything measured in this one run.
#
#   sh test/bench/run.sh            about five minutes
#   sh test/bench/run.sh --short    a minute, few cells
#   sh test/bench/run.sh --cpu      half a minute: only what a page costs the backend
#   sh test/bench/run.sh --full     also the cells that take minutes each
#   sh test/bench/run.sh --planning what planning and importing cost, and nothing else
#   sh test/bench/run.sh --together queries over several streams, next to the slowest alone
#   sh test/bench/run.sh --queue    only who waits how long for the rate limit
#   sh test/bench/run.sh --write-doc    and puts the tables into doc/performance.md

. "$(dirname "$0")/../lib.sh"

TT_TOP=$(cd "$(dirname "$0")/../.." && pwd -P)
tt_install run
tt_begin
tree=$TT_WORK/tree
log=$TT_WORK/log/bench

quietly() {
	"$@" >>"$log" 2>&1 && return
	tail -n 40 "$log" >&2
	tt_die "failed: $*"
}

tt_copy "$tree" || tt_die "cannot copy $TT_TOP to $tree"
tt_private_pg
quietly tt_as make -j"$TT_JOBS" -C "$tree" PG_CONFIG="$PG_CONFIG" with_llvm=no all
quietly tt_stage "$tree"
data=$TT_WORK/home/data
run=$TT_WORK/home/run
quietly tt_as mkdir -m 700 "$run"
quietly tt_as initdb -D "$data" -U postgres -A trust --no-sync --encoding=UTF8 --locale=C
cat >>"$TT_CONF" <<-CONF
	listen_addresses = ''
	unix_socket_directories = '$run'
	jit = off
	autovacuum = off
CONF
quietly tt_as sh -c 'cat "$1" >>"$2/postgresql.conf"' sh "$TT_CONF" "$data"
quietly tt_as pg_ctl -D "$data" -l "$TT_WORK/home/server.log" -w start
tt_api_start --scale small --today 2026-06-30 || exit 1

unset PGOPTIONS PGSERVICE PGSERVICEFILE
export PGHOST="$run" PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
"${PYTHON:-python3}" "$TT_TOP/test/bench/bench.py" --api "$TT_API_URL" --psql "$TT_BINDIR/psql" \
	--work "$TT_WORK/home" --doc "$TT_TOP/doc/performance.md" "$@"
