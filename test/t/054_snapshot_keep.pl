
# Snapshots over time: pg_dump and restore, an update of the extension, renamed
# and dropped tables, a large partitioned target of which only the last week is
# touched, history with an end.

use strict;
use warnings;

use File::Copy qw(copy);
use FindBin;
use lib $FindBin::Bin;
use POSIX qw(strftime);
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'it is almost midnight in UTC' if strftime('%H:%M', gmtime) =~ /^23:5/;
my $today = strftime('%Y-%m-%d', gmtime);

api_start('--today', $today);
my $node = new_node('main', conf => "autovacuum = off\n");
setup_fdw($node, rate_limit => 1000,
	-import => [qw(campaigns campaigns_reports_daily ads_reports_daily)]);

my $db = 'postgres';
sub ask { return $node->safe_psql($db, $_[0]); }

ask(q{CREATE SCHEMA "Ma rt";
	SELECT tiktok.materialize('ads.campaigns', '"Ma rt".c');
	SELECT tiktok.create_snapshot('ads.ads_reports_daily', '"Ma rt".d', since => current_date - 400,
		partition_by => 'month', attribution_window => 3)});
ask(q{CALL tiktok.refresh('"Ma rt".d')});

# ---- a large target ------------------------------------------------------------

cmp_ok(ask(q{SELECT count(*) FROM pg_inherits WHERE inhparent = '"Ma rt".d'::regclass}), '>=', 6,
	'a partition for each month');
ask('VACUUM ANALYZE; SELECT pg_stat_reset()');
api_mutate({ op => 'restate', advertiser_id => '7002238017842757633', percent => 120,
	from => strftime('%Y-%m-%d', gmtime(time - 2 * 86400)), to => $today });
api_reset();
ask(q{CALL tiktok.refresh('"Ma rt".d')});
is( ask(q{SELECT pg_stat_force_next_flush(); SELECT pg_stat_clear_snapshot();
	SELECT count(*) FROM pg_stat_user_tables AS s JOIN pg_inherits AS i ON i.inhrelid = s.relid
	WHERE i.inhparent = '"Ma rt".d'::regclass AND s.relname < 'd_' || to_char(current_date - 5, 'YYYY_MM')
		AND seq_scan + idx_scan + n_tup_ins + n_tup_upd + n_tup_del > 0}) =~ s/^\n+//r,
	0, 'a refresh does not even read the other months');
cmp_ok(ask(q{SELECT sum(n_tup_upd) FROM pg_stat_user_tables WHERE relname LIKE 'd\_%'}), '>', 0,
	'and writes in the last');
cmp_ok(scalar(@{ api_log('report') }), '<=', 20, 'with few requests');

# ---- dump and restore ------------------------------------------------------------

my $state = q{SELECT string_agg(x::text, E'\n' ORDER BY x::text) FROM (
	SELECT target::text, source, since, attribution_window, watermark, rows, NULL AS a, NULL::text AS b
	FROM tiktok.snapshots UNION ALL
	SELECT target::text, NULL, since, NULL, watermark, advertiser_id, next_day::text, read_on::text
	FROM tiktok.snapshot_accounts UNION ALL
	SELECT target::text, status, NULL, NULL, NULL, run, inserted::text, requests::text
	FROM tiktok.snapshot_runs) AS x};
# oids that are not the same in the other database, and a target that is gone
ask(q{SELECT tiktok.materialize('ads.campaigns', '"Ma rt".gone'); DROP TABLE "Ma rt".gone});
my $before = ask($state);
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->safe_psql('restored', 'CREATE TABLE a(); CREATE TABLE b(); DROP TABLE a, b');
$node->command_ok([ 'pg_restore', '-e', '-d', $node->connstr('restored'), $dump ], 'pg_restore');
$db = 'restored';
is(ask($state), $before, 'state survives');
api_reset();
is(ask(q{SELECT inserted, updated, deleted FROM tiktok.materialize('ads.ads_reports_daily', '"Ma rt".d')}),
	'0|0|0', 'a refresh goes on');
my ($earliest) = sort map { $_->{params}{start_date} } @{ api_log('report') };
is($earliest, ask(q{SELECT watermark - 3 FROM tiktok.snapshots WHERE target = '"Ma rt".d'::regclass}),
	'from its watermark');
is(ask('SELECT count(*) = count(DISTINCT run) FROM tiktok.snapshot_runs'), 't', 'runs are numbered on');

# ---- renamed, dropped, forgotten ---------------------------------------------------

ask('ALTER TABLE "Ma rt".c RENAME TO c2; ALTER SCHEMA "Ma rt" RENAME TO mart');
is(ask(q{CALL tiktok.refresh('mart.c2')}), '', 'a target may be renamed');
ask('DROP TABLE mart.c2');
is(ask(q{SELECT count(*) FROM tiktok.snapshots}), 1, 'one that was dropped is gone');
is(ask(q{CALL tiktok.refresh_all()}), '', 'and disturbs nobody');
ask(q{SELECT tiktok.forget('mart.d')});
is(ask(q{SELECT (SELECT count(*) FROM tiktok.snapshots), count(*) > 100 FROM mart.d}), '0|t',
	'forget drops the registration, not the table');
ask(q{SELECT tiktok.create_snapshot('ads.ads_reports_daily', 'mart.d', since => current_date - 20,
	attribution_window => 3)});
is(ask(q{SELECT inserted, updated, deleted FROM tiktok.materialize('ads.ads_reports_daily', 'mart.d')}),
	'0|0|0', 'a table that is there already is taken over as it is');

# ---- history ------------------------------------------------------------------------

ask(q{SELECT tiktok.materialize('ads.campaigns', 'mart.c');
	SELECT tiktok._record('mart.c', 'start', '{}') FROM generate_series(1, 150)});
is(ask(q{SELECT count(*) FROM tiktok.snapshot_runs WHERE target = 'mart.c'::regclass}), 100,
	'the last 100 runs are kept');

# ---- the next version ----------------------------------------------------------------

SKIP:
{
	# where the extension is found: a folder of the test's own, or the installation
	my ($stage) = slurp_file($ENV{TEMP_CONFIG} // '/dev/null') =~ /^extension_destdir = '(.*)'/m;
	($stage) = slurp_file($ENV{TEMP_CONFIG} // '/dev/null') =~ /^extension_control_path = '([^:]*)/m
	  unless $stage;
	skip 'the extension is installed in a folder that is not ours', 2 unless $stage;
	my ($control) = split /\n/, qx{find '$stage' -name tiktok_fdw.control};
	my $update = $control =~ s/\.control$/--1.0--1.0test.sql/r;
	skip 'cannot write there', 2 unless $control && open(my $file, '>', $update);
	print $file "ALTER TABLE tiktok._snapshot ADD COLUMN added text;\n"
	  . "CREATE FUNCTION tiktok.added() RETURNS integer LANGUAGE sql AS 'SELECT 1';\n";
	close($file);
	my $was = ask($state);
	my ($rc) = $node->psql($db, "ALTER EXTENSION tiktok_fdw UPDATE TO '1.0test'");
	unlink $update;
	is($rc . ask('SELECT tiktok.added()') . ask($state), "01$was", 'an update in place keeps what is registered');
	is(ask(q{CALL tiktok.refresh('mart.d')}), '', 'and a refresh goes on');
}

is_deeply(api_violations(), [], 'asked as documented');
done_testing();
