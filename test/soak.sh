#!/bin/sh
# The long variants of the tests, again and again until the time is up:
#
#   sh test/soak.sh [minutes (60)] [part of check.sh]…
#   sh test/soak.sh [minutes (60)] fuzz
#
# TAP tests see TT_SOAK=1 and do more rounds and larger accounts then: the
# property test (060) 2,500 queries of a new seed, which it prints, damaged
# replies (065) 100,000, one list (071) 10,000,000 rows, the rate at the wire
# (077) 3,000 requests, which must use 95 % of the rate; the fuzzers
# (test/fuzz/run.sh) get a tenth of the time first, or all of it; without parts,
# the tests of faults run under sanitizers next (test/sanitize.sh, short variants:
# the long ones are TT_SOAK=1 sh test/sanitize.sh), the ways to build and install
# are tried (test/install.sh), upgrades (test/upgrade.sh), snapshots on Citus and
# TimescaleDB where the server has one (test/scale/run.sh), and as root fresh machines and
# the packages of each release (test/fresh.sh, which calls test/package.sh there; it takes
# as long as it takes). Every round is a run of check.sh with servers and an API of its
# own. Ends with "N passed, N failed", summed over the rounds; the first failure ends it.
# Environment: TT_MINUTES (for want of the argument).

. "$(dirname "$0")/lib.sh"

minutes=${TT_MINUTES:-60}
case ${1:-} in
	[0-9]*)
		minutes=$1
		shift
		;;
esac
scripts=
[ $# -gt 0 ] || {
	scripts="sanitize install upgrade scale/run"
	if [ "$(id -u)" = 0 ]; then
		scripts="$scripts fresh"
	else
		echo "fresh: not without root"
	fi
	set -- unit regress tap
}
ends=$(($(date +%s) + minutes * 60))
log=$(mktemp /tmp/tiktok_fdw_soak.XXXXXX)
trap 'rm -f "$log"' EXIT
trap 'exit 130' HUP INT TERM
export TT_SOAK=1 TT_TIMEOUT=3600

passed=0
failed=0
seconds=$((minutes * 6))
[ "$*" != fuzz ] || seconds=$((minutes * 60))
tt_install soak
if sh "$TT_TOP/test/fuzz/run.sh" "$seconds"; then
	passed=1
else
	failed=1
fi

# tally LOG: adds the numbers of its last line, which are in "$last" then
tally() {
	last=$(tail -n 1 "$1")
	n=$(echo "$last" | sed -n 's/^\([0-9]*\) passed, .*/\1/p')
	passed=$((passed + ${n:-0}))
	n=$(echo "$last" | sed -n 's/^[0-9]* passed, \([0-9]*\) failed.*/\1/p')
	failed=$((failed + ${n:-0}))
}

# report STATUS: shows the log of what failed, also where it did not count that
report() {
	[ "$1" != 0 ] || return 0
	[ "$failed" != 0 ] || failed=1
	cat "$log"
}

for script in $scripts; do
	[ "$failed" = 0 ] || break
	TT_SOAK='' sh "$TT_TOP/test/$script.sh" >"$log" 2>&1
	status=$?
	tally "$log"
	echo "$script: $last"
	# what there is nothing for
	[ "$status" != 77 ] || continue
	report "$status"
done

round=0
while [ "$failed" = 0 ] && [ "$*" != fuzz ]; do
	round=$((round + 1))
	sh "$TT_TOP/test/check.sh" "$@" >"$log" 2>&1
	status=$?
	tally "$log"
	echo "round $round: $last"
	report "$status"
	[ "$(date +%s)" -lt "$ends" ] || break
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
