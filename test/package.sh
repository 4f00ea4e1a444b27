#!/bin/sh
# The Debian packages: built by the release's tools and with their tests, read by lintian,
# installed, used, removed.
#
#   sh test/package.sh
#
# Installs packages and takes those of tiktok_fdw away again, as root: for a machine that
# test/fresh.sh makes. Ends with "N passed, N failed".

. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || tt_die "package.sh needs root: it installs packages"

passed=0
failed=0

# ok NAME COMMAND…: what the command says is shown where it fails.
ok() {
	tt_name=$1
	shift
	if "$@" >"$log" 2>&1 </dev/null; then
		echo "ok - $tt_name"
		passed=$((passed + 1))
	else
		echo "not ok - $tt_name"
		tail -n 60 "$log" | sed 's/^/#   /'
		failed=$((failed + 1))
		return 1
	fi
}

enough() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] || exit 1
	exit
}

export DEBIAN_FRONTEND=noninteractive
apt_get() {
	apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends "$@"
}

# What of the system tiktok_fdw could change: its files and their packages.
system() {
	find /etc /usr /opt /var/lib ! -path '/var/lib/dpkg/*' ! -path '/var/lib/apt/*' \
		! -path '/usr/share/*/__pycache__*' 2>/dev/null | grep -v 'postgresql/.*/main' | sort
	dpkg-query -W -f '${Package} ${db:Status-Status}\n' | sort
}

same() {
	diff "$1" "$2"
}

as_postgres() {
	setpriv --reuid=postgres --regid=postgres --init-groups env -C / -i PATH="$PATH" \
		HOME=/var/lib/postgresql LC_ALL=C.UTF-8 TIKTOK_API_URL="$TIKTOK_API_URL" "$@"
}

# The rows of a table, and what the API's facts say.
rows() {
	as_postgres psql -XqAt -v ON_ERROR_STOP=1 -p "$port" postgres -f - <"$TT_TOP/test/demo/setup.sql" &&
		[ "$(as_postgres psql -XqAt -p "$port" postgres -c 'SELECT count(campaign_name) FROM ads.campaigns')" \
			= "$(python3 "$TT_TOP/test/api/expected.py" --scale demo --stream campaigns --count)" ]
}

log=$(mktemp /tmp/tiktok_fdw_package.XXXXXX)
apt_get update >"$log" 2>&1 && apt_get install build-essential debhelper lintian \
	postgresql-server-dev-all >>"$log" 2>&1 || { tail -n 20 "$log" && tt_die "apt-get failed"; }
id postgres >/dev/null 2>&1 || apt_get install postgresql-common >"$log" 2>&1
rm -f "$log"
tt_begin
log=$TT_WORK/log/package
tree=$TT_WORK/package/tree
tt_copy "$tree" || tt_die "cannot copy $TT_TOP to $tree"
chown "$TT_USER:" "$TT_WORK/package"
versions=$(/usr/share/postgresql-common/supported-versions)
TT_BINDIR=/usr/bin

ok "debian/control of the release's servers" tt_as env -C "$tree" pg_buildext updatecontrol || enough
ok "what the build needs" apt_get build-dep "$tree" || enough
ok "dpkg-buildpackage, and the regression scripts" tt_as env -C "$tree" dpkg-buildpackage -us -uc || enough
ok "a package for each server: $(echo $versions)" \
	sh -c 'for v in $2; do ls "$1"/postgresql-$v-tiktok-fdw_*.deb || exit 1; done' sh \
	"$TT_WORK/package" "$versions"
ok "lintian finds nothing" tt_as lintian --fail-on error,warning "$TT_WORK"/package/*.changes

tt_api_start --scale demo || exit 1
TIKTOK_API_URL=$TT_API_URL
for version in $versions; do
	package=postgresql-$version-tiktok-fdw
	pg_lsclusters -h | grep -q "^$version *main " || pg_createcluster "$version" main >"$log" 2>&1
	port=$(pg_conftool -s "$version" main show port)
	ok "$version: a server" pg_ctlcluster "$version" main start -o "-c listen_addresses=''" || enough
	system >"$TT_WORK/before"
	ok "$version: dpkg -i" dpkg -i "$TT_WORK/package/$package"_*.deb || enough
	ok "$version: CREATE EXTENSION, and the first rows" rows
	ok "$version: DROP EXTENSION" as_postgres psql -XqAt -v ON_ERROR_STOP=1 -p "$port" postgres \
		-c 'DROP SCHEMA demo, ads CASCADE; DROP EXTENSION tiktok_fdw CASCADE'
	ok "$version: apt remove" apt_get remove "$package"
	system >"$TT_WORK/after"
	ok "$version: nothing of it is left" same "$TT_WORK/before" "$TT_WORK/after"
	pg_ctlcluster "$version" main stop -m fast
done
enough
