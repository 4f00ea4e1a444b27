#!/bin/sh
# How many requests queries take: runs those of requests.py on a private server
# against the local API, counts in the API's log, and writes doc/requests.md.
# With --check it writes nothing and fails if the table has changed.
#
#   sh test/bench/requests.sh [--check]

. "$(dirname "$0")/../lib.sh"
TT_TOP=$(cd "$(dirname "$0")/../.." && pwd -P)
case ${1:-} in
	'' | --check) ;;
	*) tt_die "usage: requests.sh [--check]" ;;
esac

tt_install run
tt_begin
tree=$TT_WORK/tree
log=$TT_WORK/log/requests

quietly() {
	"$@" >>"$log" 2>&1 && return
	tail -n 40 "$log"
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
printf "listen_addresses = ''\nunix_socket_directories = '%s'\n" "$run" >>"$TT_CONF"
quietly tt_as sh -c 'cat "$1" >>"$2/postgresql.conf"' sh "$TT_CONF" "$data"
quietly tt_as pg_ctl -D "$data" -l "$TT_WORK/home/server.log" -w start

# requests.py starts the two APIs itself: one with seven accounts, one with a large account
"${PYTHON:-python3}" "$TT_TOP/test/bench/requests.py" --host "$run" --port 5432 \
	>"$TT_WORK/requests.md" 2>"$TT_WORK/requests.err" || {
	cat "$TT_WORK/requests.md" "$TT_WORK/requests.err" >&2
	tt_die "requests.py failed"
}
if [ "${1:-}" = --check ]; then
	diff -u "$TT_TOP/doc/requests.md" "$TT_WORK/requests.md" ||
		tt_die "doc/requests.md is not what the queries take: sh test/bench/requests.sh"
else
	cp "$TT_WORK/requests.md" "$TT_TOP/doc/requests.md"
	grep '^[0-9].* queries' "$TT_TOP/doc/requests.md"
fi
