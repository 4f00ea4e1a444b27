#!/bin/sh
# What a snapshot costs beside reading: builds, starts a private server, and
# prints a table of ratios, everything measured in this one run.
#
#   sh test/bench/merge.sh                  10^5 and 10^6 rows: about ten minutes
#   sh test/bench/merge.sh --rows 100000    only so many (thousands); can be repeated
#   sh test/bench/merge.sh --times 1        the medians of so many rounds (3)
#   sh test/bench/merge.sh --statements     and how long each statement took
#   sh test/bench/merge.sh --write-doc      and puts the table into doc/performance.md
#
# See merge.py for what is compared with what.

. "$(dirname "$0")/../lib.sh"

TT_TOP=$(cd "$(dirname "$0")/../.." && pwd -P)

tt_install run
tt_begin
tree=$TT_WORK/tree
log=$TT_WORK/log/merge

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
	max_wal_size = 8GB
	shared_buffers = 256MB
CONF
quietly tt_as sh -c 'cat "$1" >>"$2/postgresql.conf"' sh "$TT_CONF" "$data"
quietly tt_as pg_ctl -D "$data" -l "$TT_WORK/home/server.log" -w start
tt_api_start --scale small --today "$(date -u +%Y-%m-%d)" || exit 1

unset PGOPTIONS PGSERVICE PGSERVICEFILE
export PGHOST="$run" PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
"${PYTHON:-python3}" "$TT_TOP/test/bench/merge.py" --api "$TT_API_URL" --psql "$TT_BINDIR/psql" \
	--work "$TT_WORK/home" --doc "$TT_TOP/doc/performance.md" "$@"
