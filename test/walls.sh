#!/bin/sh
# The walls of the house: who may include what, how large a file may be, what
# must not be left lying about. One "ok" or "not ok" line per wall.

. "$(dirname "$0")/lib.sh"
cd "$TT_TOP" || exit 1

# The floors of the house from the ground up: the folders of src, one a line. A
# file includes headers of its own folder and of floors below, never of a
# neighbour or of a floor above; a header …_private.h is for its own folder only.
FLOORS="
compat
catalog
option_defs
options
table
request
qual
query
shared
activity
budget
wire
slots
reply
failure
verify
units
refused
cut
fetch
accounts
analyze
path
together
plan
scan
join
check
schema
snapshot
tiktok_fdw"

failed=0
# wall NAME FINDINGS: the wall stands when there are no findings.
wall() {
	if [ -z "$2" ]; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		printf '%s\n' "$2" | sed 's/^/#   /'
		failed=1
	fi
}

# files PATTERN…: of the tree, committed or not, without what git ignores.
files() {
	if [ -e .git ] && tt_have git; then
		git -c safe.directory='*' -c core.quotePath=off \
			ls-files --cached --others --exclude-standard -- "$@"
	else
		for tt_f in "$@"; do
			# as git understands it: a "*" is any number of folders
			find . -path "./$tt_f" -type f ! -path './build/*' | sed 's/^\.\///'
		done
	fi | sort -u | while IFS= read -r tt_f; do
		[ -f "$tt_f" ] && printf '%s\n' "$tt_f"
	done
}

c_files=$(files '*.c' '*.h' | grep -E '^(src/|tiktok_fdw\.c$)')
[ -n "$c_files" ] || wall "there are C sources" "none in src"

# included FILE…: FILE:LINE:HEADER, headers as written, without quotes or brackets
included() {
	[ $# = 0 ] || awk 'match($0, /^[ \t]*#[ \t]*include[ \t]*[<"][^>"]*/) {
		header = substr($0, RSTART, RLENGTH)
		sub(/^.*[<"]/, "", header)
		print FILENAME ":" FNR ":" header
	}' "$@"
}

# includes HEADER-REGEX ALLOWED-FILES-REGEX: who includes it and may not
includes() {
	included $c_files | awk -F: -v header="$1" -v allowed="$2" \
		'$3 ~ header && $1 !~ allowed { print $1 ":" $2 ": " $3 }'
}

wall "only wire and compat.h include curl, and no header that wire shows to others" \
	"$(includes '^curl/' '^src/(wire/[a-z_]+\.c|wire/[a-z_]+_private\.h|compat\.h)$')"

wall "only request.c includes jansson" \
	"$(includes '^jansson' '^src/request/request\.c$')"

wall "only qual, path, together, plan, scan and join see planner or executor headers" \
	"$(includes '^(optimizer/|executor/|nodes/(pathnodes|plannodes|execnodes)\.h|commands/explain)' \
		'^src/((qual|path|together|plan|scan|join)/[a-z_]+\.[ch]|compat\.h)$')"

wall "versions of PostgreSQL and libcurl are tested in compat.h only" \
	"$(grep -nE 'PG_VERSION_NUM|LIBCURL_VERSION_NUM' $c_files /dev/null | grep -v '^src/compat\.h:')"

wall "functions that do not return are TT_NORETURN, as every server understands it" \
	"$(grep -nE 'pg_attribute_noreturn|pg_noreturn' $c_files /dev/null | grep -v '^src/compat\.h:')"

wall "who looks into a varlena has compat.h, which includes what that takes" \
	"$(grep -lE '(VARDATA|VARSIZE)(_|\()' $c_files /dev/null | while IFS= read -r file; do
		grep -q '"compat\.h"' "$file" || echo "$file"
	done)"

# src/request and every header of ours that it includes, directly or not
closure=$(files 'src/request/*')
for pass in 1 2 3 4 5 6; do
	for header in $(included $closure | cut -d: -f3); do
		if [ -f "src/$header" ]; then
			case " $(echo $closure) " in
				*" src/$header "*) ;;
				*) closure="$closure src/$header" ;;
			esac
		fi
	done
done
wall "src/request is there" "$([ -f src/request/request.c ] || echo src/request/request.c)"
wall "src/request includes no PostgreSQL header" \
	"$(included $closure | while IFS=: read -r file line header; do
		case $header in
			*.def | jansson.h) ;;
			*)
				[ -f "src/$header" ] ||
					echo "#include <$header>" | gcc -fsyntax-only -x c - 2>/dev/null ||
					echo "$file:$line: $header"
				;;
		esac
	done)"

wall "a file includes only headers of its own folder and of floors below" \
	"$(included $c_files | awk -F: -v floors="$FLOORS" -v all="$(echo $c_files)" '
		BEGIN {
			n = split(floors, floor, "\n")
			for (i = 1; i <= n; i++)
				level[floor[i]] = i
			n = split(all, file, " ")
			for (i = 1; i <= n; i++)
				if (!(floor_of(file[i]) in level))
					print file[i] ": on no floor of test/walls.sh"
		}

		# the folder of a path in src; a file beside the folders is a floor of its own
		function floor_of(path)
		{
			sub(/^src\//, "", path)
			sub(/[\/.].*$/, "", path)
			return path
		}

		function is_ours(header)
		{
			if (!(header in known))
				known[header] = system("test -f src/" header) == 0
			return known[header]
		}

		is_ours($3) {
			here = floor_of($1)
			there = floor_of($3)
			if (!(here in level))
				next
			if (!(there in level))
				print $1 ":" $2 ": " $3 " is on no floor of test/walls.sh"
			else if (there != here && (level[there] >= level[here] || $3 ~ /_private\.h$/))
				print $1 ":" $2 ": " $3
		}')"

# A name alone would be found beside the including file only, and says nothing.
wall "headers of src are included with their folder" \
	"$(included $c_files | awk -F: '$3 !~ /\// && $3 != "compat.h" && $3 !~ /\.def$/ {
		cmd = "ls src/*/" $3 " 2>/dev/null"
		if ((cmd | getline found) > 0)
			print $1 ":" $2 ": " $3
		close(cmd)
	}')"

# (tables, .def, are data)
wall "at most eight files in a folder of src" \
	"$(files 'src/*' | grep -v '\.def$' | awk -F/ '
		NF > 2 { n[$2]++ }
		END {
			for (folder in n)
				if (n[folder] > 8)
					print "src/" folder ": " n[folder] " files"
		}')"

# tables (.def) and expected outputs are as long as they have to be; the extension
# script is put together from parts, which are not
wall "no file over 900 lines" \
	"$(files '*.c' '*.h' '*.py' '*.pl' '*.pm' '*.sh' '*.sql' | grep -v '^sql/tiktok_fdw--' |
		while IFS= read -r file; do
			lines=$(wc -l <"$file")
			[ "$lines" -le 900 ] || echo "$file: $lines lines"
		done)"

wall "no part of the extension script over 400 lines" \
	"$(for file in sql/parts/*.sql; do
		lines=$(wc -l <"$file")
		[ "$lines" -le 400 ] || echo "$file: $lines lines"
	done)"
wall "a function of PL/pgSQL says what it is for, above it and as a comment" \
	"$(awk '
		FNR == 1 { before = "" }
		/^CREATE (FUNCTION|PROCEDURE) / { name = $3; sub(/\(.*/, "", name); said = before ~ /^--/ }
		/^LANGUAGE plpgsql/ { left[name] = FILENAME; if (!said) print FILENAME ": " name ", no line above it" }
		/^COMMENT ON (FUNCTION|PROCEDURE) / { name = $4; sub(/\(.*/, "", name); delete left[name] }
		{ before = $0 }
		END { for (name in left) print left[name] ": " name ", no COMMENT ON" }' sql/parts/*.sql)"
wall "the extension script is what its parts say" "$(sh sql/assemble.sh --check 2>&1 | head -n 20)"

# (but for messages, which are kept whole so that they can be searched for)
wall "no line of C over 100 columns" \
	"$(for file in $c_files $(files 'test/*.c' 'test/*.h'); do
		expand -t 4 "$file" | awk -v file="$file" \
			'length > 100 && !/"([^"\\]|\\.)+ ([^"\\]|\\.)+"/ { print file ":" NR }'
	done)"

# a function: a "{" in the first column that follows the end of a parameter list
wall "no function over 80 lines" \
	"$(awk '
		FNR == 1 { start = 0; before = "" }
		/^\{/ && before ~ /\)[ \t]*$/ { start = FNR }
		/^[A-Za-z_].*\(/ && !start { name = $0; sub(/\(.*/, "", name); sub(/^.*[ *]/, "", name) }
		/^\}/ {
			if (start && FNR - start + 1 > 80)
				print FILENAME ":" start ": " name ", " FNR - start + 1 " lines"
			start = 0
		}
		/[^ \t]/ { before = $0 }' $c_files $(files 'test/*.c' 'test/*.h') /dev/null)"

# The regression scripts: the Makefile lists each of them, each has its output.
listed=$(make -s -f - <<-'MAKE' 2>/dev/null
	include Makefile
	listed: ; @printf '%s\n' $(REGRESS)
	.DEFAULT_GOAL := listed
MAKE
)
scripts=$(files 'sql/*.sql' | sed -n 's/^sql\/\([^/]*\)\.sql$/\1/p' | grep -v '^tiktok_fdw--')
wall "every regression script is in the Makefile and has its output" \
	"$(for name in $scripts; do
		echo "$listed" | grep -qx "$name" || echo "sql/$name.sql is not in REGRESS"
		[ -f "expected/$name.out" ] || echo "there is no expected/$name.out"
	done
	for name in $listed; do
		echo "$scripts" | grep -qx "$name" || echo "there is no sql/$name.sql"
	done
	for name in $(files 'expected/*.out' | sed 's/.*\///; s/\(_[0-9]\)*\.out$//'); do
		echo "$scripts" | grep -qx "$name" || echo "expected/$name.out has no script"
	done)"

# (the words are put together here, so that this file is not a finding)
left=$(printf '%s|%s|%s|not %s|FIX ?%s' TO''DO X''XX st''ub implemented ME)
code=$(files '*.c' '*.h' '*.def' '*.py' '*.pl' '*.pm' '*.sh' '*.sql' Makefile)
wall "nothing is left open in the code" \
	"$(grep -nE "\b($left)\b" $code /dev/null)"
wall "no conflict markers" \
	"$(grep -nE '^(<<<<<<<|>>>>>>>|=======)( |$)' $(files '*') /dev/null)"
wall "no white space at the ends of lines" \
	"$(grep -nE '[ 	]+$' $code $(files '*.md' '*.json' '*.yml' '*.control') /dev/null | head -n 20)"
wall "no carriage returns" \
	"$(grep -lI "$(printf '\r')" $(files '*' | grep -v '^test/fuzz/corpus/') /dev/null)"
wall "no test sleeps" \
	"$(grep -nE '\b(pg_sleep|usleep|sleep)\b *\(' $(files 'sql/*.sql' 'test/t/*') /dev/null |
		grep -vE '^sql/(tiktok_fdw--|parts/)')"

exit "$failed"
