# What test/lib.sh would install: the packages of the server that PG_CONFIG names,
# and nothing for one that is too old. Programs of the test stand in for apt's.

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::Bin/../..";
my $bin = PostgreSQL::Test::Utils::tempdir();

sub program
{
	my ($name, $body) = @_;
	my $file = "$bin/$name";

	open(my $out, '>', $file) or die "$file: $!";
	print $out "#!/bin/sh\n$body\n";
	close($out);
	chmod(0755, $file);
	return $file;
}

# What tt_install says, with these variables of the environment; MISSING: what sees to it that something is.
sub install
{
	my (%variables) = @_;
	my $missing = delete $variables{MISSING} // ':';
	my $log = "$bin/apt.log";

	unlink $log;
	local %ENV = (%ENV, PATH => "$bin:$ENV{PATH}", APT_LOG => $log, %variables);
	my $said = `sh -c '. "\$1/test/lib.sh"; PATH=$bin:\$PATH; $missing; tt_install test && echo done' "$top/test/lib.sh" "$top" 2>&1`;
	return ($said, -e $log ? slurp_file($log) : '');
}

program('apt-get', 'echo "$*" >>"$APT_LOG"');
program('sudo', 'exec "$@"');
program('flock', 'shift; exec "$@"');
program('apt-cache', 'case $1:$2 in show:*-97-cron) exit 100 ;; esac; echo "  Depends: postgresql-$RELEASE"');

my $absent = '/usr/lib/postgresql/99/bin/pg_config';
my ($said, $asked) = install(PG_CONFIG => $absent);
like($asked, qr/^-q update\n.* postgresql-99 postgresql-server-dev-99 /m,
	'the packages of the server that PG_CONFIG names');
like($asked, qr/ postgresql-99-cron\b/, 'those of its extensions too');
unlike($asked, qr/-NN/, 'no version is left out');
like($said, qr/^installing .*postgresql-99 /m, 'it says what it installs');
like($said, qr/there is no pg_config/, 'and that the server is not there after it');

($said, $asked) = install(PG_CONFIG => '/usr/lib/postgresql/97/bin/pg_config');
like($asked, qr/ postgresql-97 /, 'where apt does not know pg_cron');
unlike($asked, qr/cron/, 'it is done without');

($said, $asked) = install(PG_CONFIG => '/usr/lib/postgresql/14/bin/pg_config');
like($said, qr/PostgreSQL 15 or later is needed.* is of 14/, 'a server of packages that is too old');
unlike($asked, qr/install/, 'nothing is installed for it');

my $old = program('pg_config', 'case $1 in --version) echo PostgreSQL 13.9 ;; *) echo /opt/pg13/bin ;; esac');
($said, $asked) = install(PG_CONFIG => $old);
like($said, qr/PostgreSQL 15 or later is needed, and \Q$old\E is of 13/, 'another that is too old');
is($asked, '', 'apt is not even asked');

program('pg_config', 'case $1 in --version) echo PostgreSQL 17.2 ;; *) echo /opt/pg17/bin ;; esac');
($said, $asked) = install(PG_CONFIG => $old);
like($said, qr/the server of \Q$old\E is no package/, 'a server built from source, without its headers');
unlike($asked, qr/install/, 'no other is installed for it');

# Without PG_CONFIG: where the machine has no server of packages, the release's.
program('pg_config', 'exit 1');
delete $ENV{PG_CONFIG};
($said, $asked) = install(TT_SERVERS => "$bin/none", RELEASE => 99);
like($asked, qr/ postgresql-99 postgresql-server-dev-99 /, 'what the release has');
($said, $asked) = install(TT_SERVERS => "$bin/none", RELEASE => 13);
like($said, qr/PostgreSQL 15 or later is needed, and this release has 13/, 'that may be too old');
unlike($asked, qr/install/, 'nothing is installed then');

# A server that is there without its headers gets them; one that is too old does not count.
mkdir("$bin/$_") or die "$bin/$_: $!" foreach ('servers', map { "servers/$_" } 9, 14, 16);
foreach (14, 16)
{
	mkdir("$bin/servers/$_/bin") or die "mkdir: $!";
	program("servers/$_/bin/initdb", 'exit 1');
}
($said, $asked) = install(TT_SERVERS => "$bin/servers", RELEASE => 99);
like($asked, qr/ postgresql-server-dev-16 /, 'the headers of the newest server that is there');
unlink("$bin/servers/16/bin/initdb");
($said, $asked) = install(TT_SERVERS => "$bin/servers", RELEASE => 99);
like($asked, qr/ postgresql-server-dev-99 /, 'the release again where all of them are too old');

# What can be done without is no reason to end where apt cannot.
my ($server) = grep { -x } map { "$_/pg_config" } grep { $_ ne $bin } split(/:/, $ENV{PATH});
($said, $asked) = install(PG_CONFIG => $server, MISSING => 'tt_have_chart_js() { false; }');
like($asked, qr/ install .*libjs-chart\.js/, 'what is of use is asked for');
program('apt-get', 'echo "$*" >>"$APT_LOG"; echo no network; exit 100');
($said, $asked) = install(PG_CONFIG => $server, MISSING => 'tt_have_chart_js() { false; }');
like($said, qr/^no network\n.*^could not install .*libjs-chart\.js.*: tests that need them are skipped\ndone$/ms,
	'and said to be missing where apt has none');
($said, $asked) = install(PG_CONFIG => $server, MISSING => 'tt_have_pgxs() { false; }');
unlike($said, qr/^done$/m, 'what is needed has to be there');

done_testing();
