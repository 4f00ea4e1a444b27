#!/bin/sh
# Which lines of the sources the tests run:
#
#   sh test/coverage.sh             the unit tests and the regression scripts
#   sh test/coverage.sh 020 063     and these TAP tests
#
# A build of its own counts its lines (gcov), so this says nothing about speed.
# What a backend ran is not known if it was killed. The report of each line is
# build/coverage/index.html; the last line here is the share of lines that ran.

. "$(dirname "$0")/lib.sh"

out=$TT_TOP/build/coverage
rm -rf "$out"
mkdir -p "$out" || exit 1

# Two runs of one state of the sources, which may be worked at meanwhile. A test
# that fails has run lines, too.
tt_install coverage
tt_begin
tree=$TT_WORK/tree
tt_copy "$tree" || tt_die "cannot copy $TT_TOP to $tree"
failed=0
TT_COVERAGE=$out/regress.json sh "$tree/test/check.sh" build unit regress || failed=1
if [ $# -gt 0 ]; then
	TT_COVERAGE=$out/tap.json sh "$tree/test/check.sh" build tap "$@" || failed=1
fi

set --
for json in "$out"/*.json; do
	[ -e "$json" ] && set -- "$@" -a "$json"
done
if [ $# = 0 ]; then
	echo "nothing was measured" >&2
	exit 1
fi
gcovr --root "$tree" "$@" --html-details "$out/index.html" --txt "$out/lines.txt" || exit 1
cat "$out/lines.txt"
awk '$1 == "TOTAL" { printf "%s of %d lines ran\n", $4, $2 }' "$out/lines.txt"
exit "$failed"
