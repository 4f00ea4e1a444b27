# Shell functions shared by the scripts of this folder (POSIX sh; source it).
#
# What is started is started as TT_USER (as root: postgres, which may run a
# server; otherwise the caller), in a clean environment, below TT_WORK, a fresh
# folder in /tmp that tt_cleanup removes together with every process that was
# started. Nothing is installed but packages; nothing of the caller's
# environment (LANG, HOME, PG*, umask, cwd) reaches a test.

umask 022
unset CDPATH LANG LANGUAGE MAKEFLAGS MAKELEVEL MFLAGS PERL5LIB PYTHONPATH
export LC_ALL=C.UTF-8
TT_TOP=$(cd "$(dirname "$0")/.." && pwd -P)
TT_USER=$(id -un)
if [ "$(id -u)" = 0 ]; then
	# Debian's tools first: postgres may not be able to read others.
	export PATH=/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin:/usr/local/sbin
	TT_USER=postgres
fi
TT_JOBS=$(nproc 2>/dev/null || echo 2)

tt_die() {
	echo "$*" >&2
	exit 1
}

# ---- packages ------------------------------------------------------------

# The one list: what for (run: to build and run; test: to test; more: to test, too,
# but not every release has it; dashboard: the demo's; coverage, soak: to measure that,
# to fuzz), the Debian
# package, and how to see that it is there already, from wherever it comes. NN is the
# server's major version, see tt_package_version.
tt_packages() {
	cat <<-'LIST'
		run  build-essential           tt_have gcc make ld
		run  pkg-config                tt_have pkg-config
		run  postgresql-NN             tt_have_server
		run  postgresql-server-dev-NN  tt_have_pgxs
		run  libcurl4-openssl-dev      pkg-config --exists libcurl
		run  libjansson-dev            pkg-config --exists jansson
		run  python3                   tt_have python3
		run  ca-certificates           test -d /etc/ssl/certs
		test libipc-run-perl           perl -MIPC::Run -e 1
		test clang                     tt_have clang
		more clang-format-14           tt_have_clang_format
		test clang-tidy                tt_have clang-tidy
		test cppcheck                  tt_have cppcheck
		test openssl                   tt_have openssl
		more postgresql-NN-cron        tt_have_cron
		more libjs-chart.js            tt_have_chart_js
		more chromium-headless-shell   tt_have chromium-headless-shell
		dashboard libjs-chart.js       tt_have_chart_js
		more python3-psycopg2          python3 -c "import psycopg2"
		more python3-sqlalchemy        python3 -c "import sqlalchemy"
		more pgbouncer                 tt_have pgbouncer
		coverage gcovr                 tt_have gcovr
		soak libclang-rt-dev           tt_have_libfuzzer
		soak debootstrap               tt_have_debootstrap
	LIST
}

tt_have() {
	for tt_c in "$@"; do
		command -v "$tt_c" >/dev/null 2>&1 || return 1
	done
}

tt_have_server() {
	tt_find_pg && [ -x "$TT_BINDIR/initdb" ] && [ -x "$TT_BINDIR/psql" ]
}

# of use for root only
tt_have_debootstrap() {
	[ "$(id -u)" != 0 ] || tt_have debootstrap
}

tt_have_libfuzzer() {
	echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return !d && n; }' |
		clang -fsanitize=fuzzer,address,undefined -x c -o /dev/null - 2>/dev/null
}

# Debian's servers have the package's pg_cron; elsewhere its test is skipped.
tt_have_cron() {
	tt_find_pg || return 1
	tt_d=$("$PG_CONFIG" --pkglibdir)
	[ "$tt_d" != "/usr/lib/postgresql/$TT_PGMAJOR/lib" ] || [ -e "$tt_d/pg_cron.so" ]
}

tt_have_chart_js() {
	test -e /usr/share/javascript/chart.js/chart.min.js
}

# The sources have the style of release 14; others break some lines elsewhere.
tt_have_clang_format() {
	tt_have clang-format-14 || clang-format --version | grep -q 'version 14\.'
}

tt_have_pgxs() {
	tt_find_pg && [ -e "$("$PG_CONFIG" --pgxs)" ] &&
		[ -e "$("$PG_CONFIG" --includedir-server)/postgres.h" ]
}

# The oldest server that the extension builds for, and where packages put theirs.
TT_OLDEST=15
TT_SERVERS=${TT_SERVERS:-/usr/lib/postgresql}

# Major versions of packaged servers that may be there, the newest first.
tt_server_versions() {
	ls "$TT_SERVERS" 2>/dev/null | grep -x '[1-9][0-9]*' | sort -nr
}

# The server to build for: $PG_CONFIG, or the newest one of Debian's that is
# complete, or the pg_config of the PATH. Sets PG_CONFIG, TT_BINDIR, TT_PGMAJOR.
tt_find_pg() {
	if [ -z "${PG_CONFIG:-}" ]; then
		for tt_d in $(tt_server_versions); do
			tt_v=$TT_SERVERS/$tt_d/bin
			if [ "$tt_d" -ge "$TT_OLDEST" ] && [ -x "$tt_v/pg_config" ] && [ -x "$tt_v/initdb" ]; then
				PG_CONFIG=$tt_v/pg_config
				break
			fi
		done
	fi
	if [ -z "${PG_CONFIG:-}" ]; then
		tt_have pg_config || return 1
		PG_CONFIG=$(command -v pg_config)
	fi
	TT_BINDIR=$("$PG_CONFIG" --bindir 2>/dev/null) || return 1
	TT_PGMAJOR=$("$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
	export PG_CONFIG
}

tt_too_old() {
	tt_die "PostgreSQL $TT_OLDEST or later is needed, and $1"
}

# The major version that packages are wanted of: that of the server that PG_CONFIG
# names, that of the newest one of Debian's that is there, or what the release has
# (needs apt's lists).
tt_package_version() {
	tt_d=${PG_CONFIG:-}
	if [ -x "$tt_d" ]; then
		tt_d=$("$tt_d" --bindir)/
	fi
	case $tt_d in
		'')
			for tt_v in $(tt_server_versions); do
				[ "$tt_v" -ge "$TT_OLDEST" ] && [ -x "$TT_SERVERS/$tt_v/bin/initdb" ] &&
					echo "$tt_v" && return
			done
			tt_v=$(apt-cache depends postgresql 2>/dev/null |
				sed -n 's/^ *Depends: postgresql-\([0-9]*\)$/\1/p')
			[ -n "$tt_v" ] || tt_die "apt knows no package postgresql"
			[ "$tt_v" -ge "$TT_OLDEST" ] ||
				tt_too_old "this release has $tt_v; of a newer one, name the pg_config in PG_CONFIG"
			;;
		"$TT_SERVERS"/[1-9]*/bin/*)
			tt_v=${tt_d#"$TT_SERVERS"/}
			tt_v=${tt_v%%/*}
			[ "$tt_v" -ge "$TT_OLDEST" ] || tt_too_old "$PG_CONFIG is of $tt_v"
			;;
		*) tt_die "the server of $PG_CONFIG is no package: its programs and headers are yours to install" ;;
	esac
	echo "$tt_v"
}

# Of these packages, those that nothing can be done without (needed), or these and
# whatever else the release has (known).
tt_packages_of() {
	tt_optional=" $(tt_packages | sed -n 's/^more *\([^ ]*\).*/\1/p' |
		sed "s/-NN/-${tt_version:-NN}/" | tr '\n' ' ')"
	tt_which=$1
	shift
	for tt_p in "$@"; do
		case $tt_which:$tt_optional in
			needed:*" $tt_p "*) continue ;;
			known:*" $tt_p "*) apt-cache show "$tt_p" >/dev/null 2>&1 || continue ;;
		esac
		printf '%s ' "$tt_p"
	done
}

# Installs $tt_missing; says why it cannot.
tt_apt() {
	tt_have apt-get || tt_die "missing, and there is no apt-get to install it: $tt_missing"
	tt_sudo=
	if [ "$(id -u)" != 0 ]; then
		tt_have sudo || tt_die "as root or with sudo, please install: $tt_missing"
		tt_sudo=sudo
	fi
	# The lock: two of us may be installing. apt itself waits for others.
	tt_log=$(mktemp /tmp/tiktok_fdw_apt.XXXXXX)
	if ! flock /var/lib/dpkg $tt_sudo apt-get -q update >"$tt_log" 2>&1 </dev/null; then
		tail -n 20 "$tt_log" >&2
		rm -f "$tt_log"
		echo "apt-get update failed" >&2
		return 1
	fi
	case $tt_missing in
		*-NN*)
			tt_version=$(tt_package_version) || { rm -f "$tt_log" && exit 1; }
			tt_missing=$(echo "$tt_missing" | sed "s/-NN/-$tt_version/g")
			;;
	esac
	tt_missing=$(tt_packages_of known $tt_missing)
	echo "installing $tt_missing"
	flock /var/lib/dpkg $tt_sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y -o DPkg::Lock::Timeout=300 install \
		--no-install-recommends $tt_missing >"$tt_log" 2>&1 </dev/null
	tt_status=$?
	[ "$tt_status" = 0 ] || tail -n 20 "$tt_log" >&2
	rm -f "$tt_log"
	return "$tt_status"
}

# tt_install run|dashboard|test|coverage|soak: installs what is missing, if anything is. "test"
# includes "run", "coverage" and "soak" both.
tt_install() {
	# not worth an installation
	if [ -n "${PG_CONFIG:-}" ] && tt_find_pg && [ "$TT_PGMAJOR" -lt "$TT_OLDEST" ]; then
		tt_too_old "$PG_CONFIG is of $TT_PGMAJOR"
	fi
	tt_missing=$(tt_packages | while read -r tt_kind tt_package tt_test; do
		case $tt_kind:$1 in
			run:* | test:test | test:coverage | test:soak) ;;
			more:test | more:coverage | more:soak) ;;
			"$1:$1") ;;
			*) continue ;;
		esac
		eval "$tt_test" >/dev/null 2>&1 || echo "$tt_package"
	done)
	tt_missing=$(echo $tt_missing)
	tt_version=
	tt_needed=1
	if [ -n "$tt_missing" ] && [ -z "$(tt_packages_of needed $tt_missing)" ]; then
		# only what can be done without: apt's lists are not read anew for that
		tt_find_pg
		tt_needed=
		tt_version=$TT_PGMAJOR
		tt_missing=$(tt_packages_of known $(echo "$tt_missing" | sed "s/-NN/-$tt_version/g"))
		[ "$(id -u)" = 0 ] || tt_have sudo || tt_missing=
	fi
	if [ -n "$tt_missing" ] && ! tt_apt; then
		[ -z "$tt_needed" ] || tt_die "could not install: $tt_missing"
		echo "could not install $tt_missing: tests that need them are skipped" >&2
	fi
	tt_find_pg || tt_die "there is no pg_config"
	[ "$TT_PGMAJOR" -ge "$TT_OLDEST" ] || tt_too_old "$PG_CONFIG is of $TT_PGMAJOR"
}

# ---- a place to work in --------------------------------------------------

# Makes TT_WORK and arranges for it to go, however the script ends. TT_KEEP=1 keeps it.
tt_begin() {
	TT_WORK=$(mktemp -d /tmp/tiktok_fdw.XXXXXX) || tt_die "cannot write to /tmp"
	trap tt_cleanup EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	chmod 755 "$TT_WORK"
	mkdir "$TT_WORK/home" "$TT_WORK/tmp" "$TT_WORK/pids" "$TT_WORK/log"
	if [ "$(id -u)" = 0 ]; then
		chown "$TT_USER:" "$TT_WORK/home" "$TT_WORK/tmp"
	fi
}

tt_cleanup() {
	tt_rc=$?
	trap - EXIT
	trap '' HUP INT TERM
	[ -z "${TT_LANE:-}" ] || kill "$TT_LANE" 2>/dev/null
	tt_api_stop
	for tt_p in "$TT_WORK"/pids/*; do
		[ -e "$tt_p" ] && kill -s TERM -- "-${tt_p##*/}" 2>/dev/null
	done
	# a server is in a session of its own
	for tt_f in $(find "$TT_WORK" -name postmaster.pid 2>/dev/null); do
		tt_p=$(head -n 1 "$tt_f")
		kill -QUIT "$tt_p" 2>/dev/null || continue
		tt_n=0
		while kill -0 "$tt_p" 2>/dev/null && [ "$tt_n" -lt 100 ]; do
			sleep 0.1
			tt_n=$((tt_n + 1))
		done
	done
	if [ -n "${TT_KEEP:-}" ]; then
		echo "kept: $TT_WORK" >&2
	else
		rm -rf "$TT_WORK"
	fi
	exit "$tt_rc"
}

# tt_group COMMAND…: in a process group of its own, so that tt_cleanup can end all of
# it, and waited for in a way that a signal interrupts.
tt_group() {
	{
		setsid "$@" <&9 9<&- 7>&- &
		tt_pid=$!
		: >"$TT_WORK/pids/$tt_pid"
		wait "$tt_pid"
		tt_status=$?
		# what it may have left behind
		kill -s TERM -- "-$tt_pid" 2>/dev/null
		rm -f "$TT_WORK/pids/$tt_pid"
		return "$tt_status"
	} 9<&0
}

# tt_as [NAME=VALUE…] COMMAND…: as TT_USER, in TT_WORK and a clean environment.
tt_as() {
	set -- env -C "$TT_WORK" -i PATH="$TT_BINDIR:$PATH" HOME="$TT_WORK/home" \
		TMPDIR="$TT_WORK/tmp" USER="$TT_USER" LC_ALL=C.UTF-8 "$@"
	if [ "$(id -u)" = 0 ]; then
		set -- setpriv --reuid="$TT_USER" --regid="$TT_USER" --init-groups "$@"
	fi
	tt_group "$@"
}

# tt_copy FOLDER: the tree as it stands, without what git ignores, owned by TT_USER.
tt_copy() {
	mkdir -p "$1" || return 1
	(
		cd "$TT_TOP" || exit 1
		if [ -e .git ] && tt_have git; then
			git -c safe.directory='*' -c core.quotePath=off \
				ls-files --cached --others --exclude-standard
		else
			find . -type f ! -name '*.o' ! -name '*.so' ! -name '*.bc' \
				! -path './build/*' ! -path './results/*' ! -path './tmp_check/*'
		fi | while IFS= read -r tt_f; do
			[ -e "$tt_f" ] && printf '%s\n' "$tt_f"
		done >"$TT_WORK/files"
		tar -cf - -T "$TT_WORK/files"
	) | tar -C "$1" --no-same-owner -xf - || return 1
	if [ "$(id -u)" = 0 ]; then
		chown -R "$TT_USER:" "$1"
	fi
}

# ---- a private server with the extension -----------------------------------

# tt_stage TREE: installs the built tree where only our servers find it, and
# writes TT_CONF, the settings such a server needs. Debian's servers have
# extension_destdir, 18 has extension_control_path; for others a copy of the
# whole installation is made (call tt_private_pg before building). The caller's
# TT_SETTINGS are added: lines of a configuration file.
tt_stage() {
	TT_CONF=$TT_WORK/server.conf
	tt_stage=$1/stage
	tt_as make -s -C "$1" PG_CONFIG="$PG_CONFIG" install DESTDIR="${TT_PRIVATE-$tt_stage}" ||
		return 1
	printf '%s\n' "fsync = off" "${TT_SETTINGS:-}" >"$TT_CONF"
	case $(tt_settings) in
		*control_path*)
			cat >>"$TT_CONF" <<-CONF
				extension_control_path = '$tt_stage$("$PG_CONFIG" --sharedir):\$system'
				dynamic_library_path = '$tt_stage$("$PG_CONFIG" --pkglibdir):\$libdir'
			CONF
			;;
		*destdir*)
			cat >>"$TT_CONF" <<-CONF
				extension_destdir = '$tt_stage'
				dynamic_library_path = '$tt_stage$("$PG_CONFIG" --pkglibdir):\$libdir'
			CONF
			;;
	esac
}

tt_settings() {
	"$TT_BINDIR/postgres" --describe-config |
		sed -n 's/^\(extension_control_path\|extension_destdir\)	.*/\1/p'
}

# A server without such a setting gets a private copy: it finds its own files
# relative to its program, so a copy of its prefix is a server of its own, into
# which the extension is installed as usual (TT_PRIVATE is set, and empty). With
# "always" one with such a setting, too, if it can be copied.
tt_private_pg() {
	if [ -n "$(tt_settings)" ]; then
		[ "${1:-}" = always ] || return 0
		case $("$PG_CONFIG" --sharedir) in
			"$(dirname "$TT_BINDIR")"/*) ;;
			*) return 0 ;;
		esac
	fi
	tt_prefix=$(dirname "$TT_BINDIR")
	case $("$PG_CONFIG" --pkglibdir) in
		"$tt_prefix"/*) ;;
		*) tt_die "cannot copy the PostgreSQL of $PG_CONFIG: it is spread over the system" ;;
	esac
	tt_copied=$(mktemp -d "$TT_WORK/pg.XXXXXX") && cp -a "$tt_prefix/." "$tt_copied" ||
		tt_die "cannot copy $tt_prefix"
	chmod 755 "$tt_copied"
	if [ "$(id -u)" = 0 ]; then
		chown -R "$TT_USER:" "$tt_copied"
	fi
	PG_CONFIG=$tt_copied/bin/$(basename "$PG_CONFIG")
	TT_BINDIR=$("$PG_CONFIG" --bindir)
	TT_PRIVATE=
}

# ---- the local API ---------------------------------------------------------

# tt_api_start [OPTION…]: starts test/api/tiktok_api.py on a free port and waits
# until it listens. Sets TT_API_URL and TT_API_PID; tt_api_stop ends it. Holds
# file descriptor 7, which no lasting child may inherit (7>&-).
tt_api_start() {
	tt_api_dir=$(mktemp -d /tmp/tiktok_api.XXXXXX) || return 1
	mkfifo "$tt_api_dir/out" "$tt_api_dir/in"
	# it ends when nobody holds the other end of its stdin, however we end
	"${PYTHON:-python3}" "$TT_TOP/test/api/tiktok_api.py" --port 0 --exit-with-stdin "$@" \
		>"$tt_api_dir/out" 2>"$tt_api_dir/err" <"$tt_api_dir/in" &
	TT_API_PID=$!
	TT_API_URL=
	exec 8<"$tt_api_dir/out" 7>"$tt_api_dir/in"
	while IFS= read -r tt_line <&8; do
		case $tt_line in
			*"listening on http"*)
				TT_API_URL=${tt_line##*listening on }
				break
				;;
		esac
	done
	if [ -z "$TT_API_URL" ]; then
		echo "the local API did not start:" >&2
		tail -n 20 "$tt_api_dir/err" >&2
		exec 8<&- 7>&-
		rm -rf "$tt_api_dir"
		return 1
	fi
	# nothing of what it may still say is read, and nothing may block it
	cat <&8 >/dev/null 7>&- &
	exec 8<&-
	export TT_API_URL
}

tt_api_stop() {
	[ -n "${TT_API_PID:-}" ] || return 0
	kill "$TT_API_PID" 2>/dev/null
	exec 7>&-
	wait "$TT_API_PID" 2>/dev/null
	TT_API_PID=
	rm -rf "$tt_api_dir"
}
