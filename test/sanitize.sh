#!/bin/sh
# The regression scripts under AddressSanitizer and UndefinedBehaviorSanitizer:
# the extension is built with both, the server is the usual one.
#
#   sh test/sanitize.sh [script]…
#
# Ends with "N passed, N failed"; what the sanitizers found is printed before.

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

data=$TT_WORK/home/data
run=$TT_WORK/home/run
found=$TT_WORK/home/found
quietly tt_as mkdir -m 700 "$run" "$found"
quietly tt_as initdb -D "$data" -U postgres -A trust --no-sync --encoding=UTF8 --locale=C
cat >>"$TT_CONF" <<-CONF
	listen_addresses = ''
	unix_socket_directories = '$run'
CONF
quietly tt_as sh -c 'cat "$1" >>"$2/postgresql.conf"' sh "$TT_CONF" "$data"
# only the server, and what starts it, runs with them
quietly tt_as LD_PRELOAD="$preload" \
	ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:log_path=$found/asan" \
	UBSAN_OPTIONS="print_stacktrace=1:log_path=$found/ubsan" \
	pg_ctl -D "$data" -l "$TT_WORK/home/server.log" -w start

tt_as PGHOST="$run" PGUSER=postgres make -s -C "$tree" PG_CONFIG="$PG_CONFIG" with_llvm=no installcheck \
	TAP_TESTS= ${*:+REGRESS="$*"} >"$log" 2>&1
passed=$(grep -cE '^(test .*|     .*)\.\.\. ok\b|^ok [0-9]' "$log")
failed=$(grep -cE '\.\.\. FAILED|^not ok [0-9]' "$log")
reports=$(find "$found" -type f | wc -l)
if [ "$passed" = 0 ] || [ "$failed" != 0 ]; then
	tail -n 40 "$log"
	head -n 200 "$tree/regression.diffs" 2>/dev/null
	[ "$failed" != 0 ] || failed=1
fi
find "$found" -type f -exec head -n 60 {} +
echo "$passed passed, $((failed + reports)) failed"
[ "$((failed + reports))" = 0 ]
