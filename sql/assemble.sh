#!/bin/sh
# Puts the parts of the extension script, sql/parts/*.sql in the order of their
# names, together into sql/tiktok_fdw--VERSION.sql; needs no server. Nothing is
# written where that is up to date, so that a source tree may be read-only and
# the times of a checkout mean nothing. With --check it never writes, shows what
# differs and exits 1 if something does.

set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."
case ${1:-} in
	'' | --check) ;;
	*)
		echo "usage: sql/assemble.sh [--check]" >&2
		exit 2
		;;
esac
version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" tiktok_fdw.control)
script=sql/tiktok_fdw--$version.sql
tmp=$(mktemp "${TMPDIR:-/tmp}/tiktok_fdw_sql.XXXXXX")
trap 'rm -f "$tmp"' EXIT
trap 'exit 130' HUP INT TERM

{
	echo "/* generated from sql/parts by sql/assemble.sh, do not edit */"
	echo "/* tiktok_fdw $version: the objects of schema tiktok */"
	echo
	printf '%s\n' '\echo Use "CREATE EXTENSION tiktok_fdw" to load this file. \quit'
	for part in sql/parts/*.sql; do
		printf '\n-- ---- %s\n--\n' "$part"
		cat "$part"
	done
} >"$tmp"

if cmp -s "$tmp" "$script"; then
	exit 0
elif [ "${1:-}" = --check ]; then
	diff -u "$script" "$tmp" || true
	echo "$script is not what sql/parts say: sh sql/assemble.sh" >&2
	exit 1
fi
cat "$tmp" >"$script"
