
# What a session keeps of a foreign table is never out of date, whoever changed
# the table, the column, the server or the schema, and whenever.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokSession;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $account = '7030219640413208578';

api_start();
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, advertiser_ids => $account);

my $reader = TiktokSession->new($node);
my $plan = "EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM ads.r WHERE stat_time_day = '2026-06-20'";

# What another session commits.
sub alter
{
	my ($sql) = @_;
	$node->safe_psql('postgres', $sql);
	return;
}

alter("CREATE FOREIGN TABLE ads.r (ad_id bigint, stat_time_day timestamp, spend numeric) "
	  . "SERVER tiktok OPTIONS (stream 'ads_reports_daily')");

my @changes = (
	[ "ALTER FOREIGN TABLE ads.r ALTER spend OPTIONS (ADD path 'metrics.clicks')", qr/Metrics: clicks$/m ],
	[ "ALTER FOREIGN TABLE ads.r ALTER spend OPTIONS (SET path 'metrics.reach')", qr/Metrics: reach$/m ],
	[ "ALTER FOREIGN TABLE ads.r ALTER spend OPTIONS (DROP path)", qr/Metrics: spend$/m ],
	[ "ALTER FOREIGN TABLE ads.r ADD COLUMN cpc numeric", qr/Metrics: spend, cpc$/m ],
	[ "ALTER FOREIGN TABLE ads.r RENAME cpc TO cpm", qr/Metrics: spend, cpm$/m ],
	[ "ALTER FOREIGN TABLE ads.r DROP COLUMN cpm", qr/Metrics: spend$/m ],
	[ "ALTER FOREIGN TABLE ads.r OPTIONS (ADD page_size '7')", qr/Page Size: 7$/m ],
	[ "ALTER FOREIGN TABLE ads.r OPTIONS (DROP page_size)", qr/Page Size: 1000$/m ],
	[ "ALTER SERVER tiktok OPTIONS (ADD page_size '9')", qr/Page Size: 9$/m ],
	[ "ALTER SERVER tiktok OPTIONS (DROP page_size)", qr/Page Size: 1000$/m ],
	[ "ALTER FOREIGN TABLE ads.r OPTIONS (SET stream 'campaigns_reports_daily')",
		qr/Stream: campaigns_reports_daily$/m ],
	[ "ALTER FOREIGN TABLE ads.r OPTIONS (SET stream 'ads_reports_daily')", qr/Stream: ads_reports_daily$/m ],
	[ "ALTER FOREIGN TABLE ads.r RENAME TO t; "
		  . "CREATE FOREIGN TABLE ads.r (stat_time_day timestamp, clicks bigint) "
		  . "SERVER tiktok OPTIONS (stream 'advertisers_reports_daily')",
		qr/Stream: advertisers_reports_daily$/m ],
	[ "DROP FOREIGN TABLE ads.r; ALTER FOREIGN TABLE ads.t RENAME TO r", qr/Metrics: spend$/m ]);

# Between two statements, within a transaction that has not touched the table
# before, and within one whose snapshot is older than the change.
foreach my $begin ('', 'BEGIN', 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1')
{
	foreach my $change (@changes)
	{
		my ($sql, $expected) = @$change;

		$reader->query($plan);
		$reader->query($begin) if $begin;
		alter($sql);
		like($reader->query($plan), $expected, ($begin ? "$begin: " : '') . $sql);
		$reader->query('COMMIT') if $begin;
	}
}

# A prepared statement whose plan is kept.
$reader->query('SET plan_cache_mode = force_generic_plan');
$reader->query("PREPARE p(timestamp) AS SELECT * FROM ads.r WHERE stat_time_day = \$1");
foreach my $change (@changes[ 0 .. 2, 6 .. 11 ])
{
	my ($sql, $expected) = @$change;

	$reader->query("EXPLAIN EXECUTE p('2026-06-20')");
	alter($sql);
	like($reader->query("EXPLAIN (VERBOSE, COSTS OFF) EXECUTE p('2026-06-20')"),
		$expected, "prepared: $sql");
}

# The rows too: the metric that was asked for is the one that is read.
my $rows = "SELECT count(*), sum(spend) FROM ads.r WHERE stat_time_day = '2026-06-20'";
my $spend = $reader->query($rows);
alter("ALTER FOREIGN TABLE ads.r ALTER spend OPTIONS (ADD path 'metrics.clicks')");
my $clicks = $reader->query($rows);
is($clicks, $node->safe_psql('postgres', $rows), 'rows after a change are those of a new session');
isnt($clicks, $spend, 'and others than before');
alter("ALTER FOREIGN TABLE ads.r ALTER spend OPTIONS (DROP path)");
is($reader->query($rows), $spend, 'and back');

# A change that the reader's lock keeps waiting is not seen, and seen after.
$reader->query('BEGIN');
$reader->query($plan);
my $writer = TiktokSession->new($node);
$writer->send("ALTER FOREIGN TABLE ads.r ALTER spend OPTIONS (ADD path 'metrics.clicks')");
$node->poll_query_until('postgres',
	'SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND pid = ' . $writer->pid);
like($reader->query($plan), qr/Metrics: spend$/m, 'before the change');
$reader->query('COMMIT');
$writer->finish;
like($reader->query($plan), qr/Metrics: clicks$/m, 'after it');

# Much else happens while a cursor is open: what it began with is its own.
my $all = $node->safe_psql('postgres', 'SELECT count(*), sum(ad_id) FROM ads.ads');
alter("ALTER FOREIGN TABLE ads.ads OPTIONS (ADD page_size '10')");
$reader->query('BEGIN');
$reader->query('DECLARE c CURSOR FOR SELECT ad_id FROM ads.ads');
my @ids;
for (my $i = 0;; $i++)
{
	my $part = $reader->query('FETCH 20 FROM c');
	last if $part eq '';
	push @ids, split(/\n/, $part);
	# GRANT does not wait for readers
	alter(($i % 2 ? 'REVOKE' : 'GRANT') . ' SELECT ON ads.ads ' . ($i % 2 ? 'FROM' : 'TO') . ' public')
	  if $i < 10;
	$reader->query('EXPLAIN SELECT campaign_id FROM ads.ads');
}
$reader->query('COMMIT');
is(join('|', scalar(@ids), $node->safe_psql('postgres',
	'SELECT sum(x::numeric) FROM unnest(ARRAY[' . join(',', @ids) . ']) x')), $all, 'the rows of the cursor');
is($reader->query("SELECT count(*) FROM pg_backend_memory_contexts "
	  . "WHERE name = 'tiktok_fdw table' AND ident = 'ads.ads'"), '1', 'nothing is left behind');

done_testing();
