#!/bin/sh
# Snapshots on servers that spread tables out: tables that Citus distributes by account
# over two workers, and hypertables of TimescaleDB. Each is refreshed beside an ordinary
# table that does the same, while the accounts change, and compared row by row with the
# source, and with the ordinary one what is kept beside it: states and changes.
#
#   sh test/scale/run.sh [PG_CONFIG]
#
# Takes the engines that the server has and builds none; where it has neither, the last
# line says so and the exit status is 77. The servers listen on Unix sockets only.
# Ends with "N passed, N failed".

. "$(dirname "$0")/../lib.sh"

TT_TOP=$(cd "$(dirname "$0")/../.." && pwd -P)
PG_CONFIG=${1:-${PG_CONFIG:-}}
[ -n "$PG_CONFIG" ] || unset PG_CONFIG
tt_install run
here=$PG_CONFIG

# has NAME: the server has the files of an extension
has() {
	[ -e "$("$here" --sharedir)/extension/$1.control" ]
}

engines=
has citus && engines=citus
has timescaledb && engines="$engines timescaledb"
if [ -z "$engines" ]; then
	echo "skipped: this server has neither: neither Citus nor TimescaleDB is installed into the server of $here"
	exit 77
fi

tt_begin
home=$TT_WORK/home
log=$TT_WORK/log/scale
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
	tt_name="$engine: $1"
	shift
	if "$@" >"$log" 2>&1; then
		echo "ok - $tt_name"
		passed=$((passed + 1))
	else
		echo "not ok - $tt_name"
		tail -n 40 "$log" | cut -c 1-160 | sed 's/^/#   /'
		failed=$((failed + 1))
		return 1
	fi
}

enough() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] || exit 1
	exit
}

# ---- the servers -----------------------------------------------------------

# start NAME PORT: a server of that name; engine is what it has
start() {
	data=$home/$1
	if [ ! -d "$data" ]; then
		quietly tt_as initdb -D "$data" -U postgres -A trust --no-sync --encoding=UTF8 --locale=C
		quietly tt_as sh -c 'cat - "$1" >>"$2/postgresql.conf"' sh "$TT_CONF" "$data" <<-CONF
			listen_addresses = ''
			unix_socket_directories = '$home/run'
			port = $2
			shared_preload_libraries = '$engine'
			max_prepared_transactions = 100
			max_connections = 200
			timescaledb.telemetry_level = off
			citus.enable_statistics_collection = off
			citus.local_hostname = '$home/run'
			citus.node_conninfo = 'sslmode=prefer'
		CONF
	fi
	quietly tt_as pg_ctl -D "$data" -l "$home/$1.log" -w start
}

stop() {
	quietly tt_as pg_ctl -D "$home/$1" -m fast -w stop
}

# sql: what stands on stdin, on the server that is asked (port)
sql() {
	tt_as TIKTOK_API_URL="$TT_API_URL" psql -h "$home/run" -p "$port" -U postgres -XqAt \
		-v ON_ERROR_STOP=1 -d postgres -f -
}

# mutate JSON: changes of the accounts' data
mutate() {
	"${PYTHON:-python3}" - "$TT_API_URL" mutate "$1" <<-'PYTHON'
		import sys, urllib.parse, urllib.request
		url, what, content = sys.argv[1:]
		urllib.request.urlopen(urllib.request.Request(urllib.parse.urljoin(url, '/_control/' + what),
		    content.encode(), {'Content-Type': 'application/json'}))
	PYTHON
}

# ---- what is compared ------------------------------------------------------

# columns TABLE: those of the source, in order
columns() {
	echo "SELECT string_agg(quote_ident(name), ', ' ORDER BY attnum) FROM tiktok._source_columns('ads.$1')" | sql
}

# rows FILE QUERY: sorted by all that there is
rows() {
	echo "COPY ($2) TO STDOUT" | sql >"$1.unsorted" && sort "$1.unsorted" >"$1"
}

# same FILE FILE: and not empty
same() {
	[ -s "$1" ] && diff "$1" "$2" | head -n 6 >"$TT_WORK/diff"
	cat "$TT_WORK/diff"
	[ ! -s "$TT_WORK/diff" ]
}

# equal SOURCE TARGET [DAYS]: the rows are those of the source; DAYS: of its time column
equal() {
	of=$(columns "$1") || return 1
	case $1 in
		*_daily) days="stat_time_day >= current_date - $3" there=$days ;;
		*_hourly) days="stat_time_hour >= current_date - $3" there=$days ;;
		*) days=true there='_deleted_at IS NULL' ;;
	esac
	rows "$TT_WORK/source" "SELECT $of FROM ads.$1 WHERE $days" &&
		rows "$TT_WORK/target" "SELECT $of FROM $2 WHERE $there" &&
		same "$TT_WORK/source" "$TT_WORK/target"
}

# alike QUERY: of mart and of plain, where {s} stands for the schema
alike() {
	rows "$TT_WORK/mart" "$(echo "$1" | sed 's/{s}/mart/g')" &&
		rows "$TT_WORK/plain" "$(echo "$1" | sed 's/{s}/plain/g')" &&
		same "$TT_WORK/plain" "$TT_WORK/mart"
}

# did TARGET: what the last refresh wrote
did() {
	echo "SELECT inserted, updated, deleted FROM tiktok.snapshot_runs WHERE target = '$1'::regclass ORDER BY run DESC LIMIT 1" | sql
}

both_did() {
	for table in daily hourly campaigns; do
		one=$(did "mart.$table")
		[ -n "$one" ] && [ "$one" = "$(did "plain.$table")" ] || return 1
	done
}

refresh() {
	for table in daily hourly campaigns videos filled; do
		for schema in mart plain; do
			echo "CALL tiktok.refresh('$schema.$table')"
		done
	done | sed 's/$/;/' | sql
}

nothing_written() {
	for table in daily hourly campaigns videos filled; do
		[ "$(did "mart.$table")" = '0|0|0' ] || { echo "$table: $(did "mart.$table")" && return 1; }
	done
}

marks="'_synced_at' - '_deleted_at'"
of_changes="SELECT op, advertiser_id, old - $marks, new - $marks, new ->> '_deleted_at' IS NULL"

compare() {
	ok "$1: a report by day is the source" equal ads_reports_daily mart.daily 20
	ok "$1: a report by hour, a table of the user's" equal campaigns_reports_hourly mart.hourly 2
	ok "$1: a table that was spread when it was filled" equal ads_reports_daily mart.filled 20
	ok "$1: a stream that is read whole" equal campaigns mart.campaigns
	ok "$1: one with links, of which some were over" equal creative_assets_videos mart.videos
	ok "$1: marks of rows that are gone" alike 'SELECT campaign_id, _deleted_at IS NULL FROM {s}.campaigns'
	ok "$1: changes by day are those of an ordinary table" alike "$of_changes, ad_id, stat_time_day FROM {s}.daily_changes"
	ok "$1: changes of what is read whole, too" alike "$of_changes, campaign_id FROM {s}.campaigns_changes"
	of=$(columns campaigns)
	ok "$1: states, too" alike "SELECT $of, _valid_to IS NULL, _deleted_at FROM {s}.campaigns_history"
	ok "$1: as many rows written" both_did
}

# ---- one engine -------------------------------------------------------------

# spread TABLE: as the engine does, by the account or by time
spread() {
	case $engine:$1 in
		citus:*) echo "SELECT create_distributed_table('$1', 'advertiser_id');" ;;
		# a row that is there now has one state without an end: a unique index without a time
		*:*_history | *:mart.campaigns | *:mart.videos) ;;
		*:*_changes) echo "SELECT create_hypertable('$1', 'at');" ;;
		*:*hourly) echo "SELECT create_hypertable('$1', 'stat_time_hour', chunk_time_interval => interval '1 day');" ;;
		*) echo "SELECT create_hypertable('$1', 'stat_time_day', chunk_time_interval => interval '7 days', migrate_data => true);" ;;
	esac
}

# Beside each table in mart one in plain.
create() {
	sql <<-SQL
		CREATE EXTENSION IF NOT EXISTS tiktok_fdw;
		CREATE SERVER tiktok FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url '$TT_API_URL', rate_limit '1000');
		CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok
			OPTIONS (access_token 'local-access-token', app_id '7000000000000000001', secret 'local-secret');
		CREATE SCHEMA ads;
		CREATE SCHEMA mart;
		CREATE SCHEMA plain;
		IMPORT FOREIGN SCHEMA tiktok LIMIT TO (campaigns, ads_reports_daily, campaigns_reports_hourly, creative_assets_videos)
			FROM SERVER tiktok INTO ads;
		SELECT tiktok.create_snapshot('ads.ads_reports_daily', s || '.daily', since => current_date - 20,
				attribution_window => 30, changes => true),
			tiktok.create_snapshot('ads.ads_reports_daily', s || '.filled', since => current_date - 20, attribution_window => 30),
			tiktok.create_snapshot('ads.campaigns', s || '.campaigns', history => true, changes => true),
			tiktok.create_snapshot('ads.creative_assets_videos', s || '.videos')
		FROM unnest('{mart,plain}'::text[]) AS s;
		CREATE TABLE mart.hourly (LIKE ads.campaigns_reports_hourly, _synced_at timestamptz NOT NULL,
			PRIMARY KEY (advertiser_id, campaign_id, stat_time_hour));
		$(spread mart.daily; spread mart.daily_changes; spread mart.hourly)
		$(spread mart.campaigns; spread mart.campaigns_history; spread mart.campaigns_changes)
		$(spread mart.videos)
		SELECT tiktok.create_snapshot('ads.campaigns_reports_hourly', s || '.hourly', since => current_date - 2)
		FROM unnest('{mart,plain}'::text[]) AS s;
		CALL tiktok.refresh('mart.filled');
		$(spread mart.filled)
	SQL
}

# What shows that rows are where they should be.
is_spread() {
	case $engine in
		citus)
			echo "SELECT bool_and(n = 2) FROM (SELECT count(DISTINCT nodeport) AS n FROM citus_shards
				WHERE shard_size > 16384 AND table_name::text LIKE 'mart.%'
				GROUP BY table_name) AS x HAVING count(*) = 8" | sql >"$TT_WORK/spread" ;;
		timescaledb)
			echo "SELECT bool_and(n > 1) FROM (SELECT count(*) AS n FROM timescaledb_information.chunks
				WHERE hypertable_schema = 'mart' AND hypertable_name !~ 'changes'
				GROUP BY hypertable_name) AS x HAVING count(*) = 3" | sql >"$TT_WORK/spread" ;;
	esac
	echo t | diff - "$TT_WORK/spread"
}

# Numbers change, and campaigns: renamed, with another budget, deleted, gone; and here are
# links that are over.
change() {
	echo "SELECT json_agg(x) FROM (
			SELECT 'restate' AS op, advertiser_id::text, NULL AS kind, NULL AS id, NULL AS name, NULL::json AS fields,
				current_date - 5 AS from, current_date AS to, $1 AS percent
			FROM (SELECT DISTINCT advertiser_id FROM plain.campaigns ORDER BY 1 LIMIT 4) AS a
			UNION ALL
			SELECT (ARRAY['rename', 'set', 'delete', 'vanish'])[1 + n % 4], advertiser_id::text, 'campaign', campaign_id::text,
				'Nämé $1 ' || n, json_build_object('budget', $1 + n), NULL, NULL, NULL
			FROM (SELECT *, row_number() OVER (ORDER BY md5(campaign_id || '$1')) AS n FROM plain.campaigns) AS c
			WHERE n <= 12) AS x" | sql >"$TT_WORK/changes" &&
		mutate "$("${PYTHON:-python3}" -c 'import json, sys
print(json.dumps([{k: v for k, v in c.items() if v is not None} for c in json.load(sys.stdin)]))' <"$TT_WORK/changes")" &&
		echo "UPDATE mart.videos SET preview_url = 'http://over/?x-expires=1000000000' WHERE right(video_id::text, 1) < '5'" | sql
}

# What a worker does not take is nowhere: neither on the other one nor here.
without_worker() {
	before=$(state)
	stop worker2
	! echo "CALL tiktok.refresh('mart.daily');" | sql || return 1
	start worker2 5443
	[ "$before" = "$(state)" ]
}

state() {
	echo "SELECT md5(string_agg(d::text, chr(10) ORDER BY d::text)) FROM mart.daily AS d;
		SELECT md5(string_agg(d::text, chr(10) ORDER BY d::text)) FROM mart.daily_changes AS d;
		SELECT watermark, last_change FROM tiktok.snapshots WHERE target = 'mart.daily'::regclass" | sql
}

refuses_history() {
	! echo "SELECT create_hypertable('mart.campaigns_history', '_valid_from', migrate_data => true)" | sql >"$TT_WORK/refused" 2>&1 &&
		cat "$TT_WORK/refused" && grep -q 'unique index' "$TT_WORK/refused"
}

one_transaction() {
	echo "SELECT inserted, updated, deleted FROM tiktok.materialize('ads.ads_reports_daily', 'mart.daily', probe => false)" |
		sql >"$TT_WORK/one" && echo '0|0|0' | diff - "$TT_WORK/one"
}

# Citus plans the arm of a foreign table by itself, without the condition of the view. With
# the day as a value each arm has its own.
live() {
	view="SELECT tiktok.create_live_view('mart.daily', 'mart.daily_live')"
	if [ "$engine" = citus ]; then
		view="SELECT format('CREATE VIEW mart.daily_live AS SELECT $(columns ads_reports_daily) FROM mart.daily
			WHERE stat_time_day < %1\$L UNION ALL SELECT $(columns ads_reports_daily)
			FROM ads.ads_reports_daily WHERE stat_time_day >= %1\$L', tiktok.settled('mart.daily')) \\gexec"
	fi
	echo "SELECT tiktok.create_snapshot('ads.ads_reports_daily', 'mart.daily', attribution_window => 5)" | sql &&
		[ "$(echo "SELECT tiktok.settled('mart.daily') > current_date - 10" | sql)" = t ] &&
		echo "$view" | sql && equal ads_reports_daily mart.daily_live 20
}

# The engine's own preparations.
prepare() {
	port=5441
	start "$1" $port
	case $engine in
		citus)
			for port in 5441 5442 5443; do
				[ "$port" = 5441 ] || start "worker$((port - 5441))" $port
				echo 'CREATE EXTENSION citus' | quietly sql
			done
			port=5441
			quietly sql <<-SQL
				SELECT citus_set_coordinator_host('$home/run', 5441);
				SELECT citus_add_node('$home/run', 5442);
				SELECT citus_add_node('$home/run', 5443);
			SQL
			;;
		*) echo 'CREATE EXTENSION timescaledb' | quietly sql ;;
	esac
	echo "SELECT extname, extversion FROM pg_extension WHERE extname = '$engine'" | sql
}

try() {
	tt_api_start --scale small || exit 1
	prepare "$engine"
	ok "tables are made and spread" create || return
	ok "a first refresh" refresh || return
	ok "they are spread" is_spread
	compare "first"
	change 150
	ok "a second refresh, after changes" refresh || return
	compare "second"
	change 80
	[ "$engine" != citus ] || ok "a worker that is down: nothing is written" without_worker
	ok "a third" refresh || return
	compare "third"
	mutate '[]'
	ok "a fourth, of nothing new" refresh || return
	ok "writes nothing" nothing_written
	ok "nor in one transaction" one_transaction
	ok "settled days of the table and young ones of the source are the source" live
	[ "$engine" != timescaledb ] || ok "states cannot be a hypertable" refuses_history
	tt_api_stop
}

tree=$TT_WORK/tree
tt_private_pg
quietly tt_copy "$tree"
quietly tt_as make -s -j"$TT_JOBS" -C "$tree" PG_CONFIG="$PG_CONFIG" with_llvm=no all
quietly tt_stage "$tree"
quietly tt_as mkdir -m 700 "$home/run"
for engine in $engines; do
	try
	for name in citus worker1 worker2 timescaledb; do
		[ ! -e "$home/$name/postmaster.pid" ] || stop "$name"
	done
done
enough
