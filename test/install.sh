#!/bin/sh
# The ways to build and to install: out of the source tree, from one that cannot be
# written to, with make -j, with another compiler, into DESTDIR, twice, away again, and
# from the archive that make dist makes of the last commit.
#
#   sh test/install.sh
#
# Nothing is installed but packages. Ends with "N passed, N failed".

. "$(dirname "$0")/lib.sh"

tt_install test
tt_begin
tree=$TT_WORK/tree
tt_copy "$tree" || tt_die "cannot copy $TT_TOP to $tree"
home=$TT_WORK/home
log=$TT_WORK/log/install
passed=0
failed=0

# ok NAME COMMAND…: what the command says is shown where it fails.
ok() {
	tt_name=$1
	shift
	if "$@" >"$log" 2>&1; then
		echo "ok - $tt_name"
		passed=$((passed + 1))
	else
		echo "not ok - $tt_name"
		tail -n 20 "$log" | sed 's/^/#   /'
		failed=$((failed + 1))
	fi
}

# build FOLDER ARGUMENT…: make in a folder
build() {
	tt_dir=$1
	shift
	tt_as mkdir -p "$tt_dir" && tt_as make -s -C "$tt_dir" PG_CONFIG="$PG_CONFIG" WERROR=1 "$@"
}

# installed FOLDER: its files, sorted
installed() {
	(cd "$1" && find . ! -type d | sort)
}

same() {
	diff "$1" "$2"
}

# The list of what is expected is not the Makefile's: each of these once, and bitcode.
complete() {
	sharedir=$("$PG_CONFIG" --sharedir)
	for file in "$("$PG_CONFIG" --pkglibdir)/tiktok_fdw.so" "$sharedir/extension/tiktok_fdw.control" \
		"$sharedir/extension/tiktok_fdw--1.0.sql"; do
		[ -s "$1$file" ] || { echo "there is no $file" && return 1; }
	done
}

# In a folder of its own, from sources that nobody can write to.
chmod -R a-w "$tree"
ok "out of the source tree, which is read-only, by make -j" \
	build "$home/out" -f "$tree/Makefile" -j4 all
ok "into DESTDIR" build "$home/out" -f "$tree/Makefile" install DESTDIR="$home/one"
installed "$home/one" >"$TT_WORK/one"
ok "all of it is there" complete "$home/one"
ok "a second time" build "$home/out" -f "$tree/Makefile" install DESTDIR="$home/one"
installed "$home/one" >"$TT_WORK/again"
ok "with the same files" same "$TT_WORK/one" "$TT_WORK/again"
ok "the folder named by VPATH" build "$home/out" -f "$tree/Makefile" VPATH="$tree" install \
	DESTDIR="$home/vpath"
installed "$home/vpath" >"$TT_WORK/again"
ok "with the same files, too" same "$TT_WORK/one" "$TT_WORK/again"
ok "away again" build "$home/out" -f "$tree/Makefile" uninstall DESTDIR="$home/one"
installed "$home/one" >"$TT_WORK/again"
ok "with nothing left" same /dev/null "$TT_WORK/again"
ok "clean again" build "$home/out" -f "$tree/Makefile" clean
installed "$home/out" >"$TT_WORK/again"
ok "nothing is left of a build out of the tree" same /dev/null "$TT_WORK/again"
chmod -R u+w "$tree"

# In the source tree, with the other compiler.
installed "$tree" >"$TT_WORK/source"
ok "in the source tree, by clang" build "$tree" CC=clang -j4 all
ok "into DESTDIR, all of it" build "$tree" CC=clang install DESTDIR="$home/two"
installed "$home/two" >"$TT_WORK/again"
ok "the files are those of the other build" same "$TT_WORK/one" "$TT_WORK/again"
ok "clean is clean" build "$tree" clean
installed "$tree" >"$TT_WORK/again"
ok "the source tree is as it was" same "$TT_WORK/source" "$TT_WORK/again"

# The archive, which is no repository, builds and tests itself.
dist() {
	git -c safe.directory='*' clone -q "$TT_TOP" "$TT_WORK/clone" &&
		make -s -C "$TT_WORK/clone" PG_CONFIG="$PG_CONFIG" dist &&
		python3 -m zipfile -e "$TT_WORK"/clone/tiktok_fdw-*.zip "$TT_WORK/dist"
}
if [ -e "$TT_TOP/.git" ] && tt_have git; then
	ok "make dist" dist
	ok "its archive builds and tests itself" \
		sh "$(echo "$TT_WORK"/dist/tiktok_fdw-*)/test/check.sh" build walls doc regress scan
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
