#!/bin/sh
# The demo: installs what is missing, builds, starts a private PostgreSQL and a
# local TikTok API with made-up accounts, and asks a few questions. Nothing
# stays behind.
#
#   sh test/demo.sh
#   sh test/demo.sh shell      no questions: a psql for yours (it reads stdin), of a build
#                              for debuggers; says where server and API write their logs
#   sh test/demo.sh dashboard [FILE]   builds examples/dashboard on the demo's data, as FILE
#                              (build/dashboard.html), a page to open in any browser
#
# With TIKTOK_ACCESS_TOKEN set, the same questions go to TikTok instead;
# TIKTOK_APP_ID and TIKTOK_SECRET (to find out the accounts) or
# TIKTOK_ADVERTISER_IDS (comma-separated) say of which accounts, and
# TIKTOK_ENVIRONMENT=sandbox asks the sandbox.

. "$(dirname "$0")/lib.sh"
shell=
dashboard=
case ${1:-} in
	'') ;;
	shell) shell='-O0 -g' ;;
	dashboard) dashboard=${2:-$TT_TOP/build/dashboard.html} ;;
	*) tt_die "usage: demo.sh [shell | dashboard [FILE]]" ;;
esac

echo "tiktok_fdw: a demo on $(if [ -n "${TIKTOK_ACCESS_TOKEN:-}" ]; then
	echo "the real API"
else
	echo "a local API with made-up accounts"
fi)"
tt_install "$([ -n "$dashboard" ] && echo dashboard || echo run)"
tt_begin
tree=$TT_WORK/tree
log=$TT_WORK/log/demo

quietly() {
	"$@" >>"$log" 2>&1 && return
	tail -n 40 "$log"
	tt_die "the demo failed at: $*"
}

tt_copy "$tree" || tt_die "cannot copy $TT_TOP to $tree"
tt_private_pg
echo "building for $("$PG_CONFIG" --version)"
quietly tt_as make -j"$TT_JOBS" -C "$tree" PG_CONFIG="$PG_CONFIG" with_llvm=no COPT="$shell" all
quietly tt_stage "$tree"

# The server: its socket in a folder that nobody else may enter, no port, and
# no statement in its log, for one of them holds the token.
data=$TT_WORK/home/data
run=$TT_WORK/home/run
echo "starting PostgreSQL"
quietly tt_as mkdir -m 700 "$run"
quietly tt_as initdb -D "$data" -U postgres -A trust --no-sync --encoding=UTF8 --locale=C
cat >>"$TT_CONF" <<-CONF
	listen_addresses = ''
	unix_socket_directories = '$run'
	log_min_error_statement = panic
CONF
quietly tt_as sh -c 'cat "$1" >>"$2/postgresql.conf"' sh "$TT_CONF" "$data"
quietly tt_as pg_ctl -D "$data" -l "$TT_WORK/home/server.log" -w start

if [ -z "${TIKTOK_ACCESS_TOKEN:-}" ]; then
	echo "starting the local API"
	api_log=$TT_WORK/api.log
	tt_api_start --scale demo --pictures --log "$api_log" || exit 1
	TIKTOK_API_URL=$TT_API_URL
	export TIKTOK_API_URL
else
	unset TIKTOK_API_URL
fi

# psql runs as the caller and takes address and secrets from the environment:
# nothing of them stands on a command line.
unset PGOPTIONS PGSERVICE PGSERVICEFILE PGPASSWORD PGPASSFILE PGSSLMODE PGREQUIREPEER
export PGHOST="$run" PGPORT=5432 PGUSER=postgres PGCLIENTENCODING=UTF8
psql() {
	"$TT_BINDIR/psql" -X -q -v ON_ERROR_STOP=1 -P pager=off -P null=- "$@"
}

psql -d postgres -c 'CREATE DATABASE demo' || exit 1
export PGDATABASE=demo
psql -f "$TT_TOP/test/demo/setup.sql" || tt_die "the demo's set-up failed"

if [ -n "$shell" ]; then
	echo "server log: $TT_WORK/home/server.log; requests, a JSON object each: ${api_log:-none}"
	"$TT_BINDIR/psql" -X -P pager=off
	exit
fi

# The page is made beside the file and then moved: what is there is never half of one.
if [ -n "$dashboard" ]; then
	echo "reading the snapshots that the dashboard shows"
	psql -f "$TT_TOP/examples/dashboard/snapshots.sql" >>"$log" 2>&1 ||
		{ tail -n 20 "$log"; tt_die "the snapshots failed"; }
	mkdir -p "$(dirname "$dashboard")" &&
		PATH=$TT_BINDIR:$PATH python3 "$TT_TOP/examples/dashboard/build.py" >"$dashboard.new" &&
		mv "$dashboard.new" "$dashboard" || tt_die "the dashboard failed"
	echo "open it in a browser: file://$(cd "$(dirname "$dashboard")" && pwd)/$(basename "$dashboard")"
	exit
fi

# Each file is a question: its first line the heading, the rest the answer's SQL.
failed=0
for file in "$TT_TOP"/test/demo/[0-9]*.sql; do
	printf '\n== %s\n\n' "$(sed -n '1s/^-- *//p' "$file")"
	sed -e 1d -e '/^\\/d' "$file"
	echo
	psql -f "$file" || failed=1
done

echo
echo "Your own account: README.md has the six statements; examples/ has more to copy."
if [ -t 0 ] && [ -t 1 ]; then
	echo "To ask more, while this waits: PGHOST=$run psql -U postgres demo; the tables are in schema ads."
	printf 'Press Enter for a psql (leave it with \\q, then everything is removed) '
	read -r answer
	"$TT_BINDIR/psql" -X
else
	echo "In a terminal, the demo ends with a psql for questions of your own."
fi
[ "$failed" = 0 ] || tt_die "some questions failed"
