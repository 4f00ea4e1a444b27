#!/bin/sh
# Fresh machines: a minimal Debian of each release in a folder, with nothing but git,
# into which the last commit is cloned. There
#
#   demo     sh test/demo.sh   as root, and as a user with sudo
#   check    sh test/check.sh  likewise
#   package  debian/: built and read by the release's tools, installed, used, removed
#
#   sh test/fresh.sh [release…] [root|user]… [demo|check|package]…
#
# without names bookworm and trixie, both and all of them.
#
# Needs root, debootstrap, and the machine's own sources of packages, which the
# folders get, too; they see no process and no mount of the machine, and nothing stays.
# Environment: TT_PARTS (parts of check.sh; all), TT_TIMEOUT (check.sh's), TT_BASES (a folder in which the bare
# systems are kept for the next time), TT_KEEP=1. Ends with "N passed, N failed".

. "$(dirname "$0")/lib.sh"

releases=
users=
steps=
for arg in "$@"; do
	case $arg in
		root | user) users="$users $arg" ;;
		demo | check | package) steps="$steps $arg" ;;
		*) releases="$releases $arg" ;;
	esac
done
: "${releases:=bookworm trixie}"
: "${users:=root user}"
: "${steps:=demo check package}"
[ "$(id -u)" = 0 ] || tt_die "fresh.sh needs root: it makes systems in folders"
tt_have debootstrap || tt_die "fresh.sh needs debootstrap"
tt_have git || tt_die "fresh.sh needs git"
tt_begin

# The machine's own source: URI, and that of security fixes if there is one.
source_of() {
	apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' |
		sed -n "s/ $1\$//p" | sort -u | head -n 1
}
mirror=$(source_of Debian)
security=$(source_of Debian-Security)
[ -n "$mirror" ] || tt_die "this machine has no source of Debian's packages"
git -c safe.directory='*' -C "$TT_TOP" bundle create -q "$TT_WORK/tiktok_fdw.git" HEAD ||
	tt_die "cannot bundle $TT_TOP"

passed=0
failed=0

# inside FOLDER COMMAND…: as root of the system there, in namespaces of its own, with
# which everything that was started and mounted ends.
inside() {
	tt_root=$1
	shift
	setsid unshare --mount --pid --fork --kill-child sh -c '
		root=$1
		shift
		mount --make-rprivate / &&
			mount -t proc proc "$root/proc" &&
			mount -t tmpfs -o mode=755 dev "$root/dev" &&
			for d in null zero full random urandom tty; do
				: >"$root/dev/$d" && mount --bind "/dev/$d" "$root/dev/$d" || exit 1
			done &&
			mkdir -m 1777 "$root/dev/shm" &&
			mount -t tmpfs -o mode=1777 shm "$root/dev/shm" &&
			ln -s /proc/self/fd "$root/dev/fd" &&
			exec chroot "$root" env -i ${TT_TIMEOUT:+TT_TIMEOUT="$TT_TIMEOUT"} HOME=/root USER=root TERM=dumb \
				PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' sh "$tt_root" "$@" </dev/null
}

# The bare system of a release, in $base.
make_base() {
	base=${TT_BASES:-$TT_WORK}/$1
	[ ! -e "$base/ready" ] || return 0
	rm -rf "$base"
	debootstrap --variant=minbase --include=git "$1" "$base" "$mirror" || return 1
	{
		echo "deb $mirror $1 main"
		[ -z "$security" ] || echo "deb $security $1-security main"
	} >"$base/etc/apt/sources.list"
	cp /etc/resolv.conf "$base/etc/resolv.conf"
	printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n' "$(uname -n)" >"$base/etc/hosts"
	# no services, for there is no init
	printf '#!/bin/sh\nexit 101\n' >"$base/usr/sbin/policy-rc.d"
	chmod 755 "$base/usr/sbin/policy-rc.d"
	: >"$base/ready"
}

# A copy of it for one step, in $machine, with the repository in the user's home.
make_machine() {
	machine=$TT_WORK/$1.$2
	cp -a "$base" "$machine" || return 1
	cp "$TT_WORK/tiktok_fdw.git" "$machine/srv/tiktok_fdw.git"
	who='' home=/root
	if [ "$2" = user ]; then
		inside "$machine" sh -c 'apt-get -q update && apt-get -q -y install --no-install-recommends sudo &&
			useradd -m -s /bin/sh newcomer && echo "newcomer ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/newcomer &&
			apt-get clean && rm -rf /var/lib/apt/lists/*' || return 1
		who='runuser -u newcomer -- env HOME=/home/newcomer USER=newcomer' home=/home/newcomer
	fi
	inside "$machine" $who git clone -q /srv/tiktok_fdw.git "$home/tiktok_fdw"
}

# step RELEASE USER NAME COMMAND…: one verdict, with the seconds and the last line.
step() {
	tt_what="$1, $2: $3"
	shift 3
	tt_began=$(date +%s)
	if inside "$machine" $who env -C "$home/tiktok_fdw" "$@" >"$log" 2>&1; then
		passed=$((passed + 1))
		echo "ok - $tt_what ($(($(date +%s) - tt_began)) s) $(tail -n 1 "$log" | cut -c1-60)"
	else
		failed=$((failed + 1))
		echo "not ok - $tt_what ($(($(date +%s) - tt_began)) s)"
		grep -vE '(passed, 0 failed|^ok )' "$log" | tail -n 80 | sed 's/^/#   /'
	fi
}

log=$TT_WORK/log/step
for release in $releases; do
	if ! make_base "$release" >"$log" 2>&1; then
		failed=$((failed + 1))
		echo "not ok - $release: no bare system"
		tail -n 20 "$log"
		continue
	fi
	for user in $users; do
		for step in $steps; do
			case $user:$step in
				user:package) continue ;;
			esac
			# bare for each: a step must not find what another one installed
			if ! make_machine "$release" "$user" >"$log" 2>&1; then
				failed=$((failed + 1))
				echo "not ok - $release, $user: no machine"
				tail -n 20 "$log"
				continue
			fi
			case $step in
				demo) step "$release" "$user" "sh test/demo.sh" sh test/demo.sh ;;
				check)
					step "$release" "$user" "sh test/check.sh${TT_PARTS:+ $TT_PARTS}" \
						sh test/check.sh ${TT_PARTS:-}
					;;
				package) step "$release" "$user" "debian/" sh test/package.sh ;;
			esac
			[ -n "${TT_KEEP:-}" ] || rm -rf "$machine"
		done
	done
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
