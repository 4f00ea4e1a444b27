#!/bin/sh
# The test command: builds and tests everything, on private servers, in a
# temporary folder; on a Debian with nothing but git it installs what is missing.
#
#   sh test/check.sh                      everything
#   sh test/check.sh regress tap          some parts of it (see PARTS)
#   sh test/check.sh regress reports      one regression script
#   sh test/check.sh tap 010_cancel       one TAP test
#
# Environment: PG_CONFIG (the server to test with), TT_KEEP=1 (keep the folder),
# TT_TIMEOUT (seconds until a part or a TAP test that hangs is ended; 300),
# TT_SETTINGS (settings of the test servers: "name = value" lines; see versions.sh),
# TT_COVERAGE (a file: which lines ran, as gcovr's JSON; see coverage.sh).
# The last line is "N passed, N failed[, N skipped]"; exit code 0 only without failures.

PARTS="build clang format lint walls circles unit fuzz api sdk doc regress tap demo"

. "$(dirname "$0")/lib.sh"
# nothing here is for the real API
unset TIKTOK_API_URL TIKTOK_ACCESS_TOKEN TIKTOK_APP_ID TIKTOK_SECRET TIKTOK_ADVERTISER_IDS

parts=
names=
for arg in "$@"; do
	case " $PARTS " in
		*" $arg "*) parts="$parts $arg" ;;
		*) names="$names $arg" ;;
	esac
done
if [ -n "$names" ] && [ -z "$parts" ]; then
	tt_die "usage: check.sh [$(echo "$PARTS" | tr ' ' '|')]... [name]..."
fi
[ -n "$parts" ] || parts=$PARTS
limit=${TT_TIMEOUT:-300}
copt=${TT_COVERAGE:+--coverage -O1}

wanted() {
	case " $parts " in
		*" $1 "*) ;;
		*) return 1 ;;
	esac
}

# What may hang, as TT_USER.
limited() {
	tt_as timeout --foreground -k 20 "$limit" "$@"
}

# ---- counting --------------------------------------------------------------

# result PART PASSED FAILED [SKIPPED]: one line now, the numbers for the end.
result() {
	echo "$2 $3 ${4:-0}" >>"$TT_WORK/count"
	line="$2 passed, $3 failed"
	[ "${4:-0}" = 0 ] || line="$line, $4 skipped"
	printf '%-8s %s\n' "$1" "$line"
}

# A part that passes or fails as a whole: verdict PART STATUS LOG.
verdict() {
	if [ "$2" = 0 ]; then
		result "$1" 1 0
	else
		result "$1" 0 1
		show "$1" "$3"
	fi
}

show() {
	echo "---- $1 ----"
	tail -n "${3:-60}" "$2"
	echo "---- end of $1 ----"
}

# A part whose log says what passed: "ok …" and "not ok …" lines, or unittest's
# summary. counted PART STATUS LOG: one pass or failure where it says nothing;
# a status that the lines do not explain is a failure of its own.
counted() {
	passed=$(grep -cE '^ok\b' "$3")
	failed=$(grep -E '^not ok\b' "$3" | grep -vcE '# T[O]DO\b')
	skipped=$(grep -ciE '^ok\b.*# SKIP\b' "$3")
	passed=$((passed - skipped))
	ran=$(sed -n 's/^Ran \([0-9]*\) tests\{0,1\} in .*/\1/p' "$3" | awk '{ n += $1 } END { print n + 0 }')
	if [ "$((passed + failed + skipped))" = 0 ] && [ "$ran" -gt 0 ]; then
		failed=$(unittest 'failures|errors|unexpected successes' "$3")
		skipped=$(unittest skipped "$3")
		passed=$((ran - failed - skipped))
	fi
	if [ "$2" != 0 ] && [ "$failed" = 0 ]; then
		failed=1
	elif [ "$((passed + failed + skipped))" = 0 ]; then
		passed=1
	fi
	result "$1" "$passed" "$failed" "$skipped"
	[ "$failed" = 0 ] || show "$1" "$3"
}

unittest() {
	grep -E '^(OK|FAILED) \(' "$2" | grep -oE "($1)=[0-9]+" | awk -F= '{ n += $2 } END { print n + 0 }'
}

# ---- the parts -------------------------------------------------------------

# The server's module, with gcc and no warning, staged for the servers below; the
# extension script is to be what its parts say before make would see to that.
part_build() {
	log=$TT_WORK/log/build
	{
		tt_as make -s -C "$tree" PG_CONFIG="$PG_CONFIG" check-sql &&
			tt_as make -s -j"$TT_JOBS" -C "$tree" PG_CONFIG="$PG_CONFIG" WERROR=1 \
				${copt:+COPT="$copt"} all &&
			tt_stage "$tree"
	} >"$log" 2>&1
	built=$?
	verdict build "$built" "$log"
}

part_clang() {
	log=$TT_WORK/log/clang
	{
		tt_copy "$TT_WORK/clang" &&
			tt_as make -s -j"$TT_JOBS" -C "$TT_WORK/clang" PG_CONFIG="$PG_CONFIG" CC=clang \
				with_llvm=no WERROR=1 all
	} >"$log" 2>&1
	verdict clang $? "$log"
}

# The style is that of one release of clang-format, which not every Debian has.
part_format() {
	tt_have_clang_format 2>/dev/null || { result format 0 0 1 && return; }
	tt_as make -s -C "$tree" PG_CONFIG="$PG_CONFIG" check-format >"$TT_WORK/log/format" 2>&1
	verdict format $? "$TT_WORK/log/format"
}

# clang-tidy and cppcheck.
part_lint() {
	# what is wrong with a line is the opinion of a release, as its style is
	clang-tidy --version 2>/dev/null | grep -q 'version 14\.' || { result lint 0 0 1 && return; }
	limited make -s -C "$tree" PG_CONFIG="$PG_CONFIG" lint >"$TT_WORK/log/lint" 2>&1
	verdict lint $? "$TT_WORK/log/lint"
}

part_walls() {
	sh "$TT_TOP/test/walls.sh" >"$TT_WORK/log/walls" 2>&1
	counted walls $? "$TT_WORK/log/walls"
}

part_circles() {
	tt_as make -s -C "$tree" PG_CONFIG="$PG_CONFIG" WERROR=1 circles >"$TT_WORK/log/circles" 2>&1
	counted circles $? "$TT_WORK/log/circles"
}

part_unit() {
	limited make -s -C "$tree" PG_CONFIG="$PG_CONFIG" ${copt:+COPT="$copt"} unit \
		>"$TT_WORK/log/unit" 2>&1
	counted unit $? "$TT_WORK/log/unit"
}

# The fuzz targets over their corpus.
part_fuzz() {
	limited make -s -j"$TT_JOBS" -C "$tree" PG_CONFIG="$PG_CONFIG" fuzz >"$TT_WORK/log/fuzz" 2>&1
	counted fuzz $? "$TT_WORK/log/fuzz"
}

# The local API against its own rules, and against TikTok's own SDK.
part_api() {
	limited python3 "$tree/test/api/selftest.py" >"$TT_WORK/log/api" 2>&1
	counted api $? "$TT_WORK/log/api"
}

part_sdk() {
	limited sh "$tree/test/api/sdk/run.sh" >"$TT_WORK/log/sdk" 2>&1
	status=$?
	if [ "$status" = 77 ]; then
		result sdk 0 0 1
	else
		counted sdk "$status" "$TT_WORK/log/sdk"
	fi
}

part_doc() {
	tt_as make -s -C "$tree" PG_CONFIG="$PG_CONFIG" check-doc >"$TT_WORK/log/doc" 2>&1
	verdict doc $? "$TT_WORK/log/doc"
}

# pg_regress on a temporary server; the Makefile starts the local API. A line a
# script: "test NAME … ok" until 15, "ok N - NAME" since 16.
part_regress() {
	log=$TT_WORK/log/regress
	limited make -s -C "$tree" PG_CONFIG="$PG_CONFIG" installcheck TAP_TESTS= \
		EXTRA_REGRESS_OPTS="--temp-instance=$tree/regress --temp-config=$TT_CONF" \
		${names:+REGRESS="$names"} >"$log" 2>&1
	status=$?
	passed=$(grep -cE '^(test .*|     .*)\.\.\. ok\b|^ok [0-9]' "$log")
	failed=$(grep -cE '\.\.\. FAILED|^not ok [0-9]' "$log")
	if [ "$failed" = 0 ] && { [ "$status" != 0 ] || [ "$passed" = 0 ]; }; then
		failed=1
	fi
	result regress "$passed" "$failed"
	[ "$failed" = 0 ] && return
	show regress "$log" 40
	[ -s "$tree/regression.diffs" ] && head -n 300 "$tree/regression.diffs"
	# why a server went, if one did
	find "$tree/regress" "$tree/log" -name postmaster.log -exec \
		grep -hE 'PANIC|FATAL|TRAP|terminated by signal' {} + 2>/dev/null | tail -n 20
}

# Each TAP file with a folder, a server and an API of its own, some at a time.
part_tap() {
	mkdir "$TT_WORK/tap"
	[ "$(id -u)" != 0 ] || chown "$TT_USER:" "$TT_WORK/tap"
	files=
	for n in ${names:-''}; do
		for f in "$tree"/test/t/*"$n"*.pl; do
			[ -e "$f" ] && files="$files $f"
		done
	done
	if [ -z "$files" ]; then
		echo "there is no test/t/*${names# }*.pl" >"$TT_WORK/log/tap"
		verdict tap 1 "$TT_WORK/log/tap"
		return
	fi
	pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")/../..
	if [ ! -e "$pgxs/src/test/perl/PostgreSQL/Test/Cluster.pm" ]; then
		echo "this PostgreSQL was built without --enable-tap-tests" >"$TT_WORK/log/tap"
		verdict tap 1 "$TT_WORK/log/tap"
		return
	fi
	# run by xargs, told what by its arguments
	cat >"$TT_WORK/tap.sh" <<-'RUN'
		name=$(basename "$4" .pl)
		mkdir "$2/$name" && cd "$2/$name" || exit 1
		export TESTDIR=$PWD TESTDATADIR=$PWD/tmp_check TESTLOGDIR=$PWD/tmp_check/log
		mkdir -p "$TESTLOGDIR"
		timeout --foreground -k 20 "$3" perl -I "$1/src/test/perl" -I "$(dirname "$4")" \
			"$4" >"$2/$name.tap" 2>&1
		echo $? >"$2/$name.status"
	RUN
	printf '%s\n' $files | tt_as TEMP_CONFIG="$TT_CONF" PG_REGRESS="$pgxs/src/test/regress/pg_regress" \
		PG_TEST_PORT_DIR="$TT_WORK/tmp" TT_SOAK="${TT_SOAK:-}" TT_SEED="${TT_SEED:-}" \
		TT_QUERIES="${TT_QUERIES:-}" TT_BOUNDS="${TT_BOUNDS:-}" TT_REPLIES="${TT_REPLIES:-}" \
		TT_ONLY="${TT_ONLY:-}" TT_NODE_PATH="${TT_NODE_PATH:-}" TT_JDBC="${TT_JDBC:-}" \
		TT_PGBOUNCER="${TT_PGBOUNCER:-}" \
		xargs -P "$((TT_JOBS + 1))" -n 1 sh "$TT_WORK/tap.sh" "$pgxs" "$TT_WORK/tap" "$limit"
	for f in $files; do
		f=$TT_WORK/tap/$(basename "$f" .pl)
		[ -e "$f.tap" ] || : >"$f.tap"
		status=$(cat "$f.status" 2>/dev/null || echo 1)
		if grep -qE '^1\.\.0 # SKIP' "$f.tap"; then
			result "tap $(basename "$f")" 0 0 1
		elif ! grep -qE '^1\.\.[0-9]' "$f.tap"; then
			counted "tap $(basename "$f")" 1 "$f.tap"
		else
			counted "tap $(basename "$f")" "$status" "$f.tap"
		fi
	done
}

# The demo as a user runs it.
part_demo() {
	tt_group sh "$TT_TOP/test/demo.sh" >"$TT_WORK/log/demo" 2>&1 </dev/null
	verdict demo $? "$TT_WORK/log/demo"
}

# ---- all of it -------------------------------------------------------------

tt_install "$([ -n "${TT_COVERAGE:-}" ] && echo coverage || echo test)"
tt_begin
: >"$TT_WORK/count"
tree=$TT_WORK/tree
tt_copy "$tree" || tt_die "cannot copy $TT_TOP to $tree"
tt_private_pg
echo "$("$PG_CONFIG" --version), $(gcc --version | head -n 1), libcurl $(pkg-config --modversion libcurl), $TT_WORK"

built=
if wanted build || wanted circles || wanted regress || wanted tap; then
	part_build
fi

# Those of these parts that are wanted, one after the other.
lane() {
	for part in "$@"; do
		wanted "$part" || continue
		case $part in
			circles | regress | tap)
				if [ "$built" != 0 ]; then
					echo "$part needs the build"
					result "$part" 0 1
					continue
				fi
				;;
		esac
		"part_$part"
	done
}

# Most of a TAP test is waiting, for replies and for their absence: other parts run meanwhile.
lane clang format lint walls circles unit fuzz api sdk doc regress demo &
TT_LANE=$!
lane tap
wait "$TT_LANE"

if [ -n "${TT_COVERAGE:-}" ]; then
	tt_as sh -c 'cd "$1" && gcovr --root . --filter src/ --filter tiktok_fdw.c --json coverage.json' \
		sh "$tree" >"$TT_WORK/log/coverage" 2>&1 && cp "$tree/coverage.json" "$TT_COVERAGE" ||
		show coverage "$TT_WORK/log/coverage"
fi

awk '{ p += $1; f += $2; s += $3 }
	END { printf "%d passed, %d failed%s\n", p, f, s ? ", " s " skipped" : ""; exit f > 0 }' \
	"$TT_WORK/count"
