#!/bin/sh
# The suite against other PostgreSQLs, 15 and later:
#
#   sh test/versions.sh /opt/pg16/bin/pg_config /opt/pg18/bin/pg_config
#   PG_CONFIG=/opt/pg17/bin/pg_config sh test/versions.sh
#
# They may be built from source (with --enable-tap-tests, for the TAP tests). One
# built with --enable-cassert tests more with settings of a developer's, such as
# TT_SETTINGS='debug_discard_caches = 1' or, where plans go from hand to hand,
# debug_copy_parse_plan_trees, debug_write_read_parse_plan_trees = on (before 18 macros of
# the server's build: COPY_PARSE_PLAN_TREES, WRITE_READ_PARSE_PLAN_TREES). A setting of
# the planner is shown by EXPLAIN (SETTINGS), in which expected/explain.out differs then.
# Nothing is installed into them: servers that cannot load an extension from
# elsewhere are copied (see tt_private_pg in lib.sh). Ends with
# "N passed, N failed", summed over the versions.

[ $# -gt 0 ] || set -- ${PG_CONFIG:-}
if [ $# = 0 ]; then
	echo "usage: versions.sh PG_CONFIG..." >&2
	exit 2
fi
here=$(dirname "$0")
log=$(mktemp /tmp/tiktok_fdw_versions.XXXXXX)
trap 'rm -f "$log"' EXIT
trap 'exit 130' HUP INT TERM

passed=0
failed=0
for pg_config in "$@"; do
	echo "==== $("$pg_config" --version)"
	PG_CONFIG=$pg_config sh "$here/check.sh" build clang regress tap >"$log" 2>&1
	status=$?
	cat "$log"
	last=$(tail -n 1 "$log")
	n=$(echo "$last" | sed -n 's/^\([0-9]*\) passed, .*/\1/p')
	passed=$((passed + ${n:-0}))
	n=$(echo "$last" | sed -n 's/^[0-9]* passed, \([0-9]*\) failed.*/\1/p')
	failed=$((failed + ${n:-0}))
	if [ "$status" != 0 ] && [ "${n:-0}" = 0 ]; then
		failed=$((failed + 1))
	fi
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
