# pgbouncer in transaction mode: who has which backend changes with each transaction.
# TT_PGBOUNCER: another program than that of the PATH.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokClient;
use TiktokSession;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($program) = grep { -x } $ENV{TT_PGBOUNCER} || (), map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin';
plan skip_all => 'there is no pgbouncer' unless $program;
my ($major, $minor) = qx{$program --version} =~ /(\d+)\.(\d+)/;
# from 1.21 on it knows of statements that clients prepare by the protocol
my $prepares = $major > 1 || $minor >= 21;
note("pgbouncer $major.$minor");
# clients of 19 ask for a protocol of later, which it does not answer before 1.25
$ENV{PGMAXPROTOCOLVERSION} = '3.0';

api_start();
my $node = client_node();
my $me = getpwuid($<);
$node->safe_psql('postgres', qq{
	CREATE ROLE ann LOGIN; CREATE ROLE eve LOGIN;
	GRANT USAGE ON SCHEMA ads TO ann, eve; GRANT SELECT ON ALL TABLES IN SCHEMA ads TO ann, eve;
	CREATE USER MAPPING FOR ann SERVER tiktok OPTIONS (access_token '$TOKEN');
	CREATE SCHEMA mart AUTHORIZATION $me;
	SELECT tiktok.create_snapshot('ads.ads_reports_daily', 'mart.daily', since => '2026-06-20')});

# ---- a pool of one backend, which the clients below share --------------------------

my $dir = PostgreSQL::Test::Utils::tempdir('pgbouncer');
my $port = PostgreSQL::Test::Cluster::get_free_port();
my ($host, $to) = ($node->host, $node->port);
append_to_file("$dir/users", join('', map { qq{"$_" ""\n} } $me, 'ann', 'eve'));
append_to_file("$dir/pgbouncer.ini", <<INI);
[databases]
one = host=$host port=$to dbname=postgres pool_size=1
many = host=$host port=$to dbname=postgres pool_size=3
[pgbouncer]
listen_addr = 127.0.0.1
unix_socket_dir = $dir
listen_port = $port
auth_type = trust
auth_file = $dir/users
pool_mode = transaction
logfile = $dir/log
pidfile = $dir/pid
ignore_startup_parameters = extra_float_digits
INI
append_to_file("$dir/pgbouncer.ini", "max_prepared_statements = 100\n") if $prepares;
my $pid = fork() // die "fork: $!";
if ($pid == 0)
{
	open(STDOUT, '>', "$dir/out");
	open(STDERR, '>&', \*STDOUT);
	exec($program, "$dir/pgbouncer.ini") or POSIX::_exit(127);
}
END
{
	my $status = $?;
	kill('TERM', $pid) && waitpid($pid, 0) if $pid;
	$? = $status;
}

# What psql printed, through the pool; errors are part of it.
sub through
{
	my ($db, $sql, $user) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run(
		[ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', "host=$dir port=$port dbname=$db user=" . ($user // $me) ],
		'<', \$sql, '>', \$out, '2>', \$err, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	chomp($out);
	return $err eq '' ? $out : "$out\n$err";
}
my $until = time() + 60;
select(undef, undef, undef, 0.1) until -S "$dir/.s.PGSQL.$port" || time() > $until;
is(through('one', 'SELECT 1'), 1, 'pgbouncer runs');

my @june = daily_rows('2026-06-01', '2026-06-29');
my $of_june = "FROM ads.ads_reports_daily WHERE advertiser_id = $ACCOUNT AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-29'";
is(through('one', "SELECT count(spend) $of_june"), scalar(@june), 'a query');

# ---- what a session leaves, the next one has ------------------------------------------

# Two clients of one backend.
sub settings
{
	my ($client) = @_;
	return $client->query(q{SELECT current_setting('tiktok_fdw.enable_pushdown')});
}
sub client
{
	my ($db) = @_;
	return TiktokSession->new($node, connstr => "host=$dir port=$port dbname=$db user=$me");
}
my ($one, $other) = (client('one'), client('one'));
is($one->pid, $other->pid, 'two clients, one backend');
$one->query("BEGIN; SET LOCAL tiktok_fdw.enable_pushdown = off");
is(settings($one), 'off', 'SET LOCAL is in force in its transaction');
$one->query('COMMIT');
is(settings($other), 'on', 'and nobody else has it');
$one->query("BEGIN; SET LOCAL tiktok_fdw.enable_pushdown = off; SELECT 1/0; ROLLBACK");
is(settings($other), 'on', 'nor after an error');
$one->query("SET tiktok_fdw.enable_pushdown = off");
is(settings($other), 'off', 'SET is, as any setting is: so it says in doc/clients.md');
$other->query('RESET tiktok_fdw.enable_pushdown');
$node->safe_psql('postgres', "ALTER ROLE ann SET tiktok_fdw.enable_pushdown = off");
is(through('one', q{SELECT current_setting('tiktok_fdw.enable_pushdown')}, 'ann'), 'off', 'ALTER ROLE … SET is of the role');
is(settings($one), 'on', 'and nobody else\'s');

# ---- whose token: backends are those of a role ------------------------------------------

is(through('one', "SELECT count(spend) $of_june", 'ann'), scalar(@june), 'a role with a user mapping');
like(through('one', "SELECT count(spend) $of_june", 'eve'), qr/28000.*no user mapping/, 'one without has no part in it');
$one->query("BEGIN; SET LOCAL ROLE eve");
like($one->query("SELECT count(spend) $of_june"), qr/28000.*no user mapping/, 'nor after SET ROLE');
$one->query('ROLLBACK');
is($one->query("SELECT count(spend) $of_june"), scalar(@june), 'and the backend goes on as it was');
is($other->query("SELECT count(spend) $of_june"), scalar(@june), 'for whoever comes next');

# a token that was changed is changed in backends that are pooled
$node->safe_psql('postgres', "ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (SET access_token 'wrong')");
like($one->query("SELECT count(spend) $of_june"), qr/28000/, 'a token that was changed');
$node->safe_psql('postgres', "ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (SET access_token '$TOKEN')");
is($other->query("SELECT count(spend) $of_june"), scalar(@june), 'at once, for all clients');

# ---- cursors and prepared statements ------------------------------------------------------

api_reset();
$one->query("BEGIN; DECLARE c CURSOR FOR SELECT ad_id, stat_time_day, spend FROM ads.ads_reports_daily
	WHERE advertiser_id = $ACCOUNT AND stat_time_day BETWEEN '2026-01-01' AND '2026-06-29'");
is(scalar(split /\n/, $one->query('FETCH 10 FROM c')), 10, 'a cursor, in a transaction');
$one->query('COMMIT');
my $asked = @{ api_log() };
cmp_ok($asked, '<=', 2 * $CONCURRENCY + 2, "which ends the requests ($asked)");
like($other->query('FETCH 1 FROM c'), qr/34000/, 'and the cursor');

# SQL's PREPARE belongs to the backend, whoever made it
$one->query("PREPARE q (date) AS SELECT count(spend) FROM ads.ads_reports_daily WHERE advertiser_id = $ACCOUNT AND stat_time_day = \$1");
is($other->query("EXECUTE q ('2026-06-15')"), scalar(grep { $_->[1] eq '2026-06-15' } @june), 'PREPARE is the backend\'s');
$one->query('DEALLOCATE q');

# those of the protocol
sub prepared
{
	my ($what, $asked, $saw) = @_;

	is_deeply([ wrong_days($saw->{runs}, @june) ], [], "$what: 14 days, each its rows");
	is($asked, 14, 'and a request');
	return;
}
undef $one;
undef $other;
SKIP:
{
	my $java = client_java();
	skip 'there is no Java compiler, or no JDBC driver', 2 unless $java;
	foreach my $threshold (0, $prepares ? (1, 5) : ())
	{
		api_reset();
		my $saw = run_client($java, undef,
			"jdbc:postgresql://127.0.0.1:$port/many?user=$me&prepareThreshold=$threshold", 'prepared', 14);
		prepared("JDBC, prepareThreshold=$threshold", scalar(@{ api_log() }), $saw);
	}
}
SKIP:
{
	my $nodejs = client_nodejs();
	skip 'there is no node-postgres', 1 unless $nodejs;
	my $connection = JSON::PP->new->encode({ host => $dir, port => 0 + $port, database => 'many', user => $me });
	my $saw = run_client($nodejs, 'node_postgres.js', $connection, 'pool');

	same_rows($saw->{rows}, [ grep { $_->[1] =~ /^2026-06-1[0-7]/ } @june ], 'a pool before the pool');
	if ($prepares)
	{
		api_reset();
		$saw = run_client($nodejs, 'node_postgres.js', $connection, 'prepared', 14);
		prepared('node-postgres, a named statement', scalar(@{ api_log() }), $saw);
	}
}

# ---- a refresh through the pool: it commits, and may change backends with each ------------

is(through('many', "SET client_min_messages = warning; CALL tiktok.refresh('mart.daily')"), '', 'CALL tiktok.refresh()');
is(through('many', "SELECT status FROM tiktok.snapshot_runs"), 'done', 'is done');
is(through('many', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), 0, 'and leaves no lock in the pool');
my @clients = map { client('many') } 1 .. 6;
$_->send("SELECT count(spend) $of_june") foreach @clients;
is_deeply([ map { $_->finish } @clients ], [ (scalar(@june)) x 6 ], 'six clients, three backends');
is_deeply(api_violations(), [], 'all asked as documented');
done_testing();
