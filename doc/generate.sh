#!/bin/sh
# Writes doc/streams.md and doc/metrics.md from the catalogue (src/catalog/);
# needs a C compiler, no server. With --check it writes nothing, shows what
# differs and exits 1 if something does.

set -eu
cd "$(dirname "$0")/.."
case ${1:-} in
	'' | --check) ;;
	*)
		echo "usage: doc/generate.sh [--check]" >&2
		exit 2
		;;
esac
tmp=$(mktemp -d "${TMPDIR:-/tmp}/tiktok_fdw_doc.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' HUP INT TERM

${CC:-cc} -std=gnu99 -Wall -Isrc -o "$tmp/generate" doc/generate.c src/catalog/catalog.c \
	src/schema/describe.c
status=0
for page in streams metrics; do
	"$tmp/generate" "$page" >"$tmp/$page.md"
	if [ "${1:-}" != --check ]; then
		cp "$tmp/$page.md" "doc/$page.md"
	elif ! diff -u "doc/$page.md" "$tmp/$page.md"; then
		echo "doc/$page.md is not what the catalogue says: sh doc/generate.sh" >&2
		status=1
	fi
done
exit "$status"
