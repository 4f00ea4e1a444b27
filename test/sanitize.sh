#!/bin/sh
# The regression scripts, and the TAP tests of faults and damaged replies, under
# AddressSanitizer and UndefinedBehaviorSanitizer: the extension is built with
# both, the server is the usual one.
#
#   sh test/sanitize.sh                   all of them
#   sh test/sanitize.sh scan 020 …        scripts of sql/, and TAP tests by a part of their names
#
# TT_SOAK=1: their long variants, 100,000 damaged replies among them.  Ends with
# "N passed, N failed"; what the sanitizers found is printed before.

. "$(dirname "$0")/lib.sh"

tt_install test
tt_begin
tree=$TT_WORK/tree
log=$TT_WORK/log/sanitize

quietly() {
	"$@" >>"$log" 2>&1 && return
	tail -n 40 "$log" >&2
	tt_die "failed: $*"
}

tt_copy "$tree" || tt_die "cannot copy $TT_TOP to $tree"
tt_private_pg
quietly tt_as make -j"$TT_JOBS" -C "$tree" PG_CONFIG="$PG_CONFIG" with_llvm=no \
	COPT="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-wrapv -O1 -g" all
quietly tt_stage "$tree"

# The sanitizer's library has to come first, and one that allocates before it:
# under glibc's gettext lock the first allocation of its own would hang.
cat >"$TT_WORK/first.c" <<-'C'
	#include <stdlib.h>
	__attribute__((constructor)) static void first(void) { free(malloc(1)); }
C
quietly cc -shared -fPIC -Wl,-z,initfirst -o "$TT_WORK/first.so" "$TT_WORK/first.c"
chmod 755 "$TT_WORK/first.so"
asan=$(gcc -print-file-name=libasan.so)
ubsan=$(gcc -print-file-name=libubsan.so)
preload="$(readlink -f "$asan") $(readlink -f "$ubsan") $TT_WORK/first.so"

found=$TT_WORK/home/found
quietly tt_as mkdir -m 700 "$found"
# only the server, and what starts it, runs with them: a pg_ctl of our own
mkdir "$TT_WORK/bin"
cat >"$TT_WORK/bin/pg_ctl" <<-SH
	#!/bin/sh
	export LD_PRELOAD="$preload"
	export ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:log_path=$found/asan"
	export UBSAN_OPTIONS="print_stacktrace=1:log_path=$found/ubsan"
	exec "$TT_BINDIR/pg_ctl" "\$@"
SH
chmod 755 "$TT_WORK/bin" "$TT_WORK/bin/pg_ctl"

scripts=
tests=
if [ $# = 0 ]; then
	scripts=all
	set -- 020 021 022 023 024 026 031 032 033 065 074 075 076
fi
for name in "$@"; do
	if [ -e "$tree/sql/$name.sql" ]; then
		scripts="$scripts $name"
		continue
	fi
	for f in "$tree"/test/t/*"$name"*.pl; do
		[ -e "$f" ] || tt_die "there is no sql/$name.sql and no test/t/*$name*.pl"
		tests="$tests $f"
	done
done

passed=0
failed=0
# tally LOG PASSED FAILED: as patterns; a log of neither is a failure
tally() {
	good=$(grep -cE "$2" "$1")
	bad=$(grep -cE "$3" "$1")
	if [ "$good" = 0 ] || [ "$bad" != 0 ]; then
		tail -n 40 "$1"
		[ "$bad" != 0 ] || bad=1
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
}

regress() {
	data=$TT_WORK/home/data
	run=$TT_WORK/home/run
	quietly tt_as mkdir -m 700 "$run"
	quietly tt_as initdb -D "$data" -U postgres -A trust --no-sync --encoding=UTF8 --locale=C
	cp "$TT_CONF" "$TT_WORK/regress.conf"
	cat >>"$TT_WORK/regress.conf" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$run'
	CONF
	quietly tt_as sh -c 'cat "$1" >>"$2/postgresql.conf"' sh "$TT_WORK/regress.conf" "$data"
	quietly tt_as "$TT_WORK/bin/pg_ctl" -D "$data" -l "$TT_WORK/home/server.log" -w start
	tt_as PGHOST="$run" PGUSER=postgres make -s -C "$tree" PG_CONFIG="$PG_CONFIG" with_llvm=no \
		installcheck TAP_TESTS= ${*:+REGRESS="$*"} >"$log" 2>&1
	before=$failed
	tally "$log" '^(test .*|     .*)\.\.\. ok\b|^ok [0-9]' '\.\.\. FAILED|^not ok [0-9]'
	[ "$failed" = "$before" ] || head -n 200 "$tree/regression.diffs" 2>/dev/null
	quietly tt_as "$TT_BINDIR/pg_ctl" -D "$data" -m fast stop
}

# tap FILE: with a folder, a server and an API of its own
tap() {
	name=$(basename "$1" .pl)
	dir=$TT_WORK/home/$name
	pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")/../..
	quietly tt_as mkdir -p "$dir/tmp_check/log"
	tt_as PATH="$TT_WORK/bin:$TT_BINDIR:$PATH" TEMP_CONFIG="$TT_CONF" PG_TEST_PORT_DIR="$TT_WORK/tmp" \
		PG_REGRESS="$pgxs/src/test/regress/pg_regress" TT_SOAK="${TT_SOAK:-}" TT_SEED="${TT_SEED:-}" TT_REPLIES="${TT_REPLIES:-}" \
		TT_ONLY="${TT_ONLY:-}" \
		TESTDIR="$dir" TESTDATADIR="$dir/tmp_check" TESTLOGDIR="$dir/tmp_check/log" \
		timeout --foreground -k 20 "${TT_TIMEOUT:-7200}" \
		perl -I "$pgxs/src/test/perl" -I "$tree/test/t" "$1" >"$log" 2>&1
	status=$?
	before=$failed
	tally "$log" '^ok\b' '^not ok\b'
	[ "$status" = 0 ] || [ "$failed" != "$before" ] || failed=$((failed + 1))
	echo "$name: $good passed, $((failed - before)) failed"
}

case $scripts in
	'') ;;
	all) regress ;;
	*) regress $scripts ;;
esac
for f in $tests; do
	tap "$f"
done
# UBSan's own go where the server's messages go
grep -rhs 'runtime error:' "$TT_WORK/home" --include='*.log' >"$found/undefined" || rm "$found/undefined"
reports=$(find "$found" -type f | wc -l)
find "$found" -type f -exec head -n 60 {} +
echo "$passed passed, $((failed + reports)) failed"
[ "$((failed + reports))" = 0 ]
