#!/bin/sh
# Upgrades: of the server, by pg_upgrade and by dump and restore, with local snapshots,
# their history and report views, and of the extension. Each time everything is as it
# was, and a refresh goes on from there.
#
#   sh test/upgrade.sh [OLD_PG_CONFIG [NEW_PG_CONFIG]]
#
# Without names, from the server under test to itself. Nothing is installed into them.
# The new server's minor release must not be older than the old one's: a pg_dump of
# before November 2026 takes the versions that later ones keep of each column (pg_attver,
# 15.20 and its like) for options, and pg_upgrade fails, with tables of any kind.
# Ends with "N passed, N failed".

. "$(dirname "$0")/lib.sh"

old_config=${1:-${PG_CONFIG:-}}
new_config=${2:-$old_config}
PG_CONFIG=$old_config
[ -n "$PG_CONFIG" ] || unset PG_CONFIG
tt_install run
old_config=$PG_CONFIG
tt_begin
home=$TT_WORK/home
log=$TT_WORK/log/upgrade
: >"$log"
passed=0
failed=0

quietly() {
	"$@" >"$log" 2>&1 && return
	tail -n 40 "$log" >&2
	tt_die "failed: $*"
}

# ok NAME COMMAND…: what the command says is shown where it fails.
ok() {
	tt_name=$1
	shift
	if "$@" >"$log" 2>&1; then
		echo "ok - $tt_name"
		passed=$((passed + 1))
	else
		echo "not ok - $tt_name"
		tail -n 40 "$log" | sed 's/^/#   /'
		failed=$((failed + 1))
		return 1
	fi
}

enough() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] || exit 1
	exit
}

# ---- the two servers -------------------------------------------------------

# prepare NAME PG_CONFIG: builds, and sets NAME_bin, NAME_conf and NAME_tree.
prepare() {
	PG_CONFIG=$2
	unset TT_PRIVATE
	tt_find_pg || tt_die "there is no $2"
	# pg_upgrade looks for libraries in $libdir only
	tt_private_pg always
	quietly tt_copy "$TT_WORK/$1"
	quietly tt_as make -s -j"$TT_JOBS" -C "$TT_WORK/$1" PG_CONFIG="$PG_CONFIG" with_llvm=no all
	quietly tt_stage "$TT_WORK/$1"
	mv "$TT_CONF" "$TT_WORK/$1.conf"
	cat >>"$TT_WORK/$1.conf" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$home/run'
		search_path = 'public'
	CONF
	eval "$1_bin=\$TT_BINDIR $1_config=\$PG_CONFIG"
}

# use NAME: what follows is about that one
use() {
	eval "TT_BINDIR=\$$1_bin PG_CONFIG=\$$1_config"
	data=$home/$1.data
	server=$1
}

init() {
	use "$1"
	# 18 and later have checksums unless told otherwise, and both must be alike
	checksums=
	! "$TT_BINDIR/initdb" --help | grep -q no-data-checksums || checksums=--no-data-checksums
	quietly tt_as initdb -D "$data" -U postgres -A trust --no-sync --encoding=UTF8 --locale=C $checksums
	quietly tt_as sh -c 'cat >>"$1/postgresql.conf"' sh "$data" <"$TT_WORK/$1.conf"
}

start() {
	use "$1"
	quietly tt_as pg_ctl -D "$data" -l "$home/$1.log" -w start
}

stop() {
	use "$1"
	quietly tt_as pg_ctl -D "$data" -m fast -w stop
}

# sql DATABASE: what stands on stdin
sql() {
	tt_as TIKTOK_API_URL="$TT_API_URL" psql -h "$home/run" -U postgres -XqAt -v ON_ERROR_STOP=1 -d "$1" -f -
}

# ---- what has to stay ------------------------------------------------------

# Everything that the user has: the registry, the rows of the snapshots and of the
# views over them, in one order.
cat >"$TT_WORK/state.sql" <<'SQL'
SET search_path = public;
SELECT target::text, source, since, attribution_window, watermark, rows, columns::text, last_refresh
  FROM tiktok.snapshots ORDER BY target::text;
SELECT target::text, advertiser_id, since, watermark, read_on::text, last_refresh
  FROM tiktok.snapshot_accounts ORDER BY target::text, advertiser_id;
SELECT target::text, run, status, inserted, ended FROM tiktok.snapshot_runs ORDER BY target::text, run;
SELECT format('SELECT %L, count(*), md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM %s t', c.oid::regclass, c.oid::regclass)
  FROM pg_class AS c
 WHERE relkind IN ('r', 'p', 'v') AND relnamespace::regnamespace::text IN ('mart', 'reports')
 ORDER BY c.oid::regclass::text \gexec
SELECT c.oid::regclass, ftoptions FROM pg_foreign_table AS f JOIN pg_class AS c ON c.oid = ftrelid ORDER BY c.oid::regclass::text;
SELECT srvname, srvoptions FROM pg_foreign_server;
SQL

state() {
	sql "$1" <"$TT_WORK/state.sql" >"$TT_WORK/state.$2"
}

same() {
	[ -s "$1" ] && diff "$1" "$2"
}

# Another refresh: done for all, and the tables are what the API has.
goes_on() {
	runs=$(echo 'SELECT count(*) FROM tiktok.snapshot_runs' | sql "$1")
	echo 'CALL tiktok.refresh_all()' | sql "$1" || return 1
	sql "$1" <<-SQL >"$TT_WORK/goes_on" || return 1
		SELECT count(*) FILTER (WHERE last_error IS NOT NULL) FROM tiktok.snapshots;
		SELECT count(*) > $runs AND bool_and(status = 'done') FROM tiktok.snapshot_runs;
		SELECT count(*) FROM ((SELECT campaign_id, campaign_name FROM ads.campaigns EXCEPT
			SELECT campaign_id, campaign_name FROM mart.campaigns)) x;
		SELECT count(*) FROM ((SELECT ad_id, stat_time_day, spend FROM ads.ads_reports_daily
			WHERE stat_time_day >= current_date - 20 EXCEPT
			SELECT ad_id, stat_time_day, spend FROM mart.ads_reports_daily)) x;
	SQL
	printf '0\nt\n0\n0\n' | diff - "$TT_WORK/goes_on"
}

tt_api_start --scale small || exit 1
quietly tt_as mkdir -m 700 "$home/run"
prepare old "$old_config"
prepare new "$new_config"
echo "from $("$old_config" --version) to $("$new_config" --version)"

# ---- the old server, with the snapshots of examples/ --------------------------

init old
start old
since=$(date -u -d '40 days ago' +%F)
setup() {
	sql postgres <"$TT_TOP/test/demo/setup.sql" &&
		sed "s/2026-01-01/$since/" "$TT_TOP/examples/snapshots.sql" | sql postgres &&
		# a second run, so that there is a history
		echo 'CALL tiktok.refresh_all()' | sql postgres
}
ok "old: snapshots and report views" setup || enough
ok "old: all of it is noted" state postgres old
ok "old: the rows are there" test "$(grep -c '^mart\.' "$TT_WORK/state.old")" -ge 8
init new
dump() {
	tt_as pg_dump -h "$home/run" -U postgres -Fc -f "$home/dump" postgres
}
use old
ok "old: dumped" dump || enough
stop old

# ---- pg_upgrade ------------------------------------------------------------

upgrade() {
	use new
	tt_as env -C "$home" pg_upgrade -U postgres -b "$old_bin" -B "$new_bin" -d "$home/old.data" \
		-D "$home/new.data" -s "$home/run" && return
	find "$home/new.data/pg_upgrade_output.d" -name '*.log' -exec tail -n 3 {} +
	if grep -rq 'unrecognized parameter "pg_attver"' "$home/new.data/pg_upgrade_output.d"; then
		echo "the new server's minor release is older than the old one's: PostgreSQL cannot upgrade that"
	fi
	return 1
}
ok "pg_upgrade" upgrade || enough
start new
ok "upgraded: all of it is noted" state postgres upgraded
ok "upgraded: everything is as it was" same "$TT_WORK/state.old" "$TT_WORK/state.upgraded"
ok "upgraded: a refresh goes on" goes_on postgres

# ---- dump and restore ------------------------------------------------------

restore() {
	echo 'CREATE DATABASE restored' | sql postgres &&
		tt_as pg_restore -h "$home/run" -U postgres -e -j 2 -d restored "$home/dump"
}
ok "restored" restore || enough
ok "restored: all of it is noted" state restored restored
ok "restored: everything is as it was" same "$TT_WORK/state.old" "$TT_WORK/state.restored"
ok "restored: a refresh goes on" goes_on restored

# ---- the next version of the extension --------------------------------------

# Made here: a version 1.1 with one function more.
next_version() {
	sed -i "s/^default_version = .*/default_version = '1.1'/" "$TT_WORK/new/tiktok_fdw.control" &&
		cat >"$TT_WORK/new/sql/tiktok_fdw--1.0--1.1.sql" <<-'SQL' &&
			\echo Use "ALTER EXTENSION tiktok_fdw UPDATE TO '1.1'" to load this file. \quit
			CREATE FUNCTION tiktok._next() RETURNS text LANGUAGE sql AS $$ SELECT tiktok.version() $$;
		SQL
		chown "$TT_USER:" "$TT_WORK/new/sql/tiktok_fdw--1.0--1.1.sql" &&
		tt_as make -s -C "$TT_WORK/new" PG_CONFIG="$PG_CONFIG" with_llvm=no clean all &&
		tt_stage "$TT_WORK/new"
}
update() {
	echo 'ALTER EXTENSION tiktok_fdw UPDATE' | sql postgres &&
		echo "SELECT extversion, tiktok._next() LIKE 'tiktok\_fdw 1.1%' FROM pg_extension
			WHERE extname = 'tiktok_fdw'" | sql postgres >"$TT_WORK/version" &&
		echo '1.1|t' | diff - "$TT_WORK/version"
}
state postgres before
[ "$new_bin" != "${new_bin#"$TT_WORK"/}" ] && TT_PRIVATE='' || unset TT_PRIVATE
ok "the next version is built and installed" next_version || enough
ok "ALTER EXTENSION … UPDATE" update
ok "updated: all of it is noted" state postgres updated
ok "updated: everything is as it was" same "$TT_WORK/state.before" "$TT_WORK/state.updated"
ok "updated: a refresh goes on" goes_on postgres
stop new
enough
