# A streaming standby: reading the API writes nothing, so that it works there; what
# writes says that it does not.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokClient;
use TiktokSession;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

api_start();
my $primary = new_node('primary', allows_streaming => 1);
setup_fdw($primary, rate_limit => 1000, page_size => 50, %ONE_SERIES,
	-import => [ 'ads_reports_daily', 'campaigns' ]);
my ($first, $last) = ('2026-05-01', '2026-06-29');
$primary->safe_psql('postgres', qq{
	CREATE SCHEMA mart;
	ALTER SERVER tiktok OPTIONS (ADD advertiser_ids '$ACCOUNT');
	SELECT tiktok.create_snapshot('ads.campaigns', 'mart.campaigns');
	SELECT tiktok.create_snapshot('ads.ads_reports_daily', 'mart.daily', since => '$first');
	SELECT tiktok.create_live_view('mart.daily', 'mart.daily_live')});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
is($standby->safe_psql('postgres', 'SELECT pg_is_in_recovery()'), 't', 'there is a standby');

my @rows = daily_rows($first, $last);
my $days = "stat_time_day BETWEEN '$first' AND '$last'";

sub rows_of
{
	my ($node, $table) = @_;

	return [ map { [ split /\|/ ] } split /\n/,
		$node->safe_psql('postgres', "SELECT ad_id, stat_time_day, spend FROM $table WHERE $days") ];
}

# Error, hint and requests of a statement.
sub error_of
{
	my ($node, $sql) = @_;

	api_reset();
	my ($rc, undef, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	my ($error) = $err =~ /ERROR:  (.*)/;
	my ($hint) = $err =~ /HINT:  (.*)/;
	return ($error // '', $hint // '', scalar(@{ api_log() }));
}

# ---- reading ------------------------------------------------------------------------

api_reset();
same_rows(rows_of($standby, 'ads.ads_reports_daily'), \@rows, 'a foreign table is read there');
my $asked = @{ api_log() };
is($standby->safe_psql('postgres', 'SELECT sum(requests) FROM tiktok.stat_requests'), $asked,
	'its requests are counted there');
is($primary->safe_psql('postgres', 'SELECT coalesce(sum(requests), 0) FROM tiktok.stat_requests'), 0,
	'and not on the primary, whose shared memory is another');
my ($per_second) = $standby->safe_psql('postgres', 'SELECT rate_limit FROM tiktok.stat_requests LIMIT 1');
is($per_second, 1000, 'the rate limit is kept there');
my @plan = split /\n/, $standby->safe_psql('postgres',
	"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT spend FROM ads.ads_reports_daily WHERE $days");
is(scalar(grep { /Requests: $asked$/ } @plan), 1, 'EXPLAIN ANALYZE');
is($standby->safe_psql('postgres', "SELECT count(*) FROM tiktok.check('tiktok') WHERE NOT ok"), 0, 'tiktok.check()');
is($standby->safe_psql('postgres', "SELECT spend FROM tiktok.completeness('tiktok', '$first', '$last', $ACCOUNT)
	WHERE level = 'ad' AND reason IS NULL"),
	$primary->safe_psql('postgres', "SELECT spend FROM tiktok.completeness('tiktok', '$first', '$last', $ACCOUNT)
	WHERE level = 'ad' AND reason IS NULL"), 'tiktok.completeness()');
is_deeply([ error_of($standby, "SET tiktok_fdw.enable_pushdown = off; SELECT count(spend) FROM ads.ads_reports_daily WHERE $days") ],
	[ '', '', $asked ], 'without pushdown');

# ---- what writes ---------------------------------------------------------------------

foreach my $sql ("CALL tiktok.refresh('mart.daily')", 'CALL tiktok.refresh_all()',
	"SELECT tiktok.materialize('ads.campaigns', 'mart.campaigns')",
	"SELECT tiktok.create_snapshot('ads.campaigns', 'mart.other')", "SELECT tiktok.forget('mart.daily')")
{
	my ($error, $hint, $n) = error_of($standby, $sql);

	is($error, '25006: snapshots are written on the primary server, not on a standby', $sql);
	like($hint, qr/^Call it there: /, 'says where');
	is($n, 0, 'and asks nothing');
	($error, $hint) = error_of($primary, "SET default_transaction_read_only = on; $sql");
	is($error, '25006: snapshots cannot be written in a read-only transaction', 'likewise when read-only');
}
like((error_of($standby, "SELECT tiktok.create_live_view('mart.daily', 'mart.v')"))[0],
	qr/^25006: cannot execute CREATE VIEW/, 'a view');
is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'no lock is left');

# ---- what the primary does arrives --------------------------------------------------------

$primary->safe_psql('postgres', "SET client_min_messages = warning; CALL tiktok.refresh('mart.daily')");
$primary->wait_for_catchup($standby);
same_rows(rows_of($standby, 'mart.daily'), \@rows, 'the rows of a refresh');
is($standby->safe_psql('postgres', 'SELECT status FROM tiktok.snapshot_runs'), 'done', 'and its run');
api_reset();
same_rows(rows_of($standby, 'mart.daily_live'), \@rows, 'a live view');
cmp_ok(scalar(@{ api_log() }), '<', $asked, 'asks for young days only');

# a cursor that is left; last, for the API may hear of it later
my $session = TiktokSession->new($standby);
$session->query("BEGIN; DECLARE c CURSOR FOR SELECT spend FROM ads.ads_reports_daily WHERE $days");
is(scalar(split /\n/, $session->query('FETCH 5 FROM c')), 5, 'a cursor');
$session->query('COMMIT');

is_deeply(api_violations(), [], 'all asked as documented');

# a session of the standby that has what it knows of the server in a cache
is($session->query("SELECT count(spend) FROM ads.ads_reports_daily WHERE $days"), scalar(@rows), 'a session');
$primary->safe_psql('postgres', "ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (SET access_token 'wrong')");
$primary->wait_for_catchup($standby);
like($session->query("SELECT count(spend) FROM ads.ads_reports_daily WHERE $days"), qr/28000/, 'learns of another token');
$primary->safe_psql('postgres', "ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (SET access_token '$TOKEN');
	ALTER FOREIGN TABLE ads.ads_reports_daily OPTIONS (ADD start_date '2026-06-29')");
$primary->wait_for_catchup($standby);
is($session->query("SET client_min_messages = warning; SELECT count(spend) FROM ads.ads_reports_daily WHERE $days"),
	scalar(grep { $_->[1] eq '2026-06-29' } @rows), 'and of another option');
$primary->safe_psql('postgres', 'ALTER FOREIGN TABLE ads.ads_reports_daily OPTIONS (DROP start_date)');
$primary->wait_for_catchup($standby);
undef $session;
api_reset();    # of the other token

# ---- promoted -----------------------------------------------------------------------------

$standby->promote;
is($standby->safe_psql('postgres', "SET client_min_messages = warning; CALL tiktok.refresh('mart.campaigns');
	SELECT count(*) FROM mart.campaigns"), $standby->safe_psql('postgres', 'SELECT count(campaign_id) FROM ads.campaigns'),
	'promoted, it refreshes');
is_deeply(api_violations(), [], 'as documented');
done_testing();
