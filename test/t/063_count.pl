
# count(*) is taken from the API's totals, the one answer that PostgreSQL does
# not check: it is right, or it is an error, whatever the API does.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;

my $account = '7030219640413208578';

api_start();
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, advertiser_ids => "$account,7051874396120449026",
	page_size => 10);

# The answer of a count(*), and of the same query reading every row.
sub counts
{
	my ($from) = @_;
	return split /\|/, $node->safe_psql('postgres',
		"SELECT (SELECT count(*) FROM $from), (SELECT count(x) FROM (SELECT t::text AS x FROM $from) s)");
}

my $campaign = $node->safe_psql('postgres',
	"SELECT min(campaign_id) FROM ads.campaigns WHERE advertiser_id = $account");
my @froms = (
	'ads.campaigns t',
	"ads.ads t WHERE advertiser_id = $account",
	"ads.ads t WHERE campaign_id = $campaign",
	"ads.ads t WHERE campaign_id IN ($campaign, -1, 0, 1, 9223372036854775807)",
	"ads.ads t WHERE campaign_id = ANY ('{}')",
	"ads.ads t WHERE ad_id = ANY (ARRAY(SELECT ad_id FROM ads.ads))",
	"ads.ads t WHERE ad_id = ANY (ARRAY(SELECT ad_id FROM ads.ads UNION ALL SELECT generate_series(1, 250)))",
	"ads.ads t WHERE campaign_id = $campaign AND ad_id > 0",
	"ads.ads t WHERE campaign_id = $campaign AND campaign_id = ANY (ARRAY(SELECT campaign_id FROM ads.campaigns))",
	"ads.ads_reports_daily t WHERE stat_time_day BETWEEN '2026-05-01' AND '2026-06-29'",
	"ads.ads_reports_daily t WHERE stat_time_day = '2026-06-10' AND campaign_id = $campaign",
	"ads.ads_reports_daily t WHERE stat_time_day IN ('2026-06-10', '2026-06-20')",
	"ads.ads_reports_daily t WHERE stat_time_day = '2026-06-10' OR stat_time_day = '2026-06-20'",
	"ads.ads_reports_daily t WHERE stat_time_day >= '2026-06-20 12:00'::timestamp AND stat_time_day < '2026-06-23'",
	"ads.ads_reports_hourly t WHERE stat_time_hour BETWEEN '2026-06-20 13:00' AND '2026-06-20 15:00'",
	"ads.ads_reports_hourly t WHERE stat_time_hour::date = '2026-06-20'",
	"ads.ads_reports_hourly t WHERE stat_time_hour::date BETWEEN '2026-06-20' AND '2026-06-21'",
	'ads.creative_assets_music t',
	'ads.creative_assets_music t WHERE material_id = 0',
	'ads.creative_assets_images t WHERE material_id = -1',
	'ads.audiences t', 'ads.advertisers t', 'ads.advertiser_ids t',
	'ads.ads_reports_lifetime t', 'ads.advertisers_audience_reports_lifetime t');
foreach my $from (@froms)
{
	my ($total, $rows) = counts($from);
	is($total, $rows, "count(*): $from");
}
is_deeply(api_violations(), [], 'asked as documented');

# from totals: a request of one row for each account and series (TopView apart)
api_reset();
$node->safe_psql('postgres', 'SELECT count(*) FROM ads.ads');
is_deeply([ map { $_->{params}{page_size} } @{ api_log() } ], [ 1, 1, 1, 1 ], 'a row of each account and series');

# ANALYZE of a table that wants no more than totals: the same requests, and the number
# is the planner's. What is known of the columns from a sample stays.
sub analyzed
{
	my ($table) = @_;

	api_reset();
	$node->safe_psql('postgres', "ANALYZE $table");
	return $node->safe_psql('postgres', <<"SQL");
SELECT reltuples, (SELECT count(*) FROM pg_stats WHERE schemaname || '.' || tablename = '$table')
FROM pg_class WHERE oid = '$table'::regclass
SQL
}

sub page_sizes
{
	my %sizes = map { ($_->{params}{page_size} // '-' => 1) } @{ api_log() };
	return join(',', sort keys %sizes);
}

my ($number) = counts('ads.ads t');
my $sampled = analyzed('ads.ads');
like($sampled, qr/^$number\|[1-9]\d+$/, 'ANALYZE with rows: the number, and of columns');
is(page_sizes(), '10', 'in whole pages');
$node->safe_psql('postgres', q{ALTER SERVER tiktok OPTIONS (ADD analyze 'totals')});
is(analyzed('ads.campaigns'), (counts('ads.campaigns t'))[1] . '|0', 'ANALYZE with totals: the number, nothing of columns');
api_mutate([ { op => 'add_objects', advertiser_id => $account, kind => 'PROMOTE', ads => 25 } ]);
is(analyzed('ads.ads'), $sampled =~ s/^\d+/$number + 25/er, 'the number of now, and of columns what was known');
is(page_sizes(), '1', 'one row is read');
is(scalar @{ api_log() }, 4, 'of each account and series');
like($node->safe_psql('postgres', 'EXPLAIN SELECT * FROM ads.ads'), qr/rows=@{[$number + 25]} /, 'the planner has it');
my (undef, undef, $verbose) = $node->psql('postgres', 'ANALYZE VERBOSE ads.ads');
like($verbose, qr/"ads": the TikTok API has @{[$number + 25]} rows by its totals; no sample/, 'VERBOSE says so');
my $imported = $node->pg_version->major >= 19;
is($verbose =~ /analyzing "ads\.ads"/ ? 'sampled' : 'imported', $imported ? 'imported' : 'sampled',
	'imported where PostgreSQL can');
is($node->safe_psql('postgres', "SELECT pg_stat_get_analyze_count('ads.ads'::regclass) > 0"),
	't', 'and counted');
$node->safe_psql('postgres', q{ALTER FOREIGN TABLE ads.ads OPTIONS (ADD analyze 'rows')});
like(analyzed('ads.ads'), qr/^@{[$number + 25]}\|/, 'a table may want rows');
is(page_sizes(), '10', 'and has them read');

# no total in a reply: the rows are read
api_reset();
api_faults([ { match => { path => 'campaign/get' }, times => 0, action => { missing => ['page_info'] } } ]);
$node->safe_psql('postgres', 'ANALYZE ads.campaigns');
like(page_sizes(), qr/^1,10$/, 'no totals: the rows are read');
is($node->safe_psql('postgres', "SELECT reltuples FROM pg_class WHERE oid = 'ads.campaigns'::regclass"),
	(counts('ads.campaigns t'))[1], 'and counted');
api_reset(data => 1);
is_deeply(api_violations(), [], 'asked as documented');

# A filter that the API refuses is not left out: the total would be of all rows.
api_faults([ { match => { path => 'campaign/get' },
		action => { code => 40002, message => 'filtering.campaign_ids: is not valid' } } ]);
my ($rc, $out, $err) = $node->psql('postgres', '\set VERBOSITY verbose' . <<SQL);

SELECT count(*) FROM ads.campaigns WHERE advertiser_id = $account AND campaign_id = $campaign
SQL
isnt($out, 4, 'a refused filter: not the number of all campaigns');
like($out . $err, qr/^1$|ERROR:  22023/, 'but the right one, or an error');
api_reset();

# no total in a reply: the rows are read and counted
my ($all) = counts('ads.campaigns t');
api_faults([ { match => { path => 'campaign/get' }, times => 0,
		action => { missing => ['page_info'] } } ]);
is($node->safe_psql('postgres', 'SELECT count(*) FROM ads.campaigns'), $all, 'no page_info');
api_reset();

# an account that is refused: an error, or skipped like its rows
api_faults([ { match => { path => 'campaign/get', advertiser_id => $account }, times => 0,
		action => { code => 40001, message => 'No permission' } } ]);
($rc, $out, $err) = $node->psql('postgres', '\set VERBOSITY verbose' . "\nSELECT count(*) FROM ads.campaigns");
like($err, qr/ERROR:  42501/, 'a refused account is an error');
$node->safe_psql('postgres', q{ALTER SERVER tiktok OPTIONS (ADD on_advertiser_error 'skip')});
($rc, $out, $err) = $node->psql('postgres', 'SELECT count(*) FROM ads.campaigns');
cmp_ok($out, '<', $all, 'or its rows are missing');
like($err, qr/WARNING/, 'and a warning says so');

# ANALYZE of a report is about its last days, which the API above has nothing of
$node->safe_psql('postgres', q{ALTER SERVER tiktok OPTIONS (DROP on_advertiser_error)});
api_start('--today', strftime('%Y-%m-%d', gmtime));
$node->safe_psql('postgres', 'ALTER SERVER tiktok OPTIONS (SET api_url ' . sql_literal(api_url()) . ')');
my $days = analyzed('ads.ads_reports_daily');
is(page_sizes(), '1', 'ANALYZE of a report with totals: one row of each window');
is($days, $node->safe_psql('postgres', 'SELECT count(ad_id) FROM ads.ads_reports_daily'
		  . " WHERE stat_time_day > (now() AT TIME ZONE 'UTC')::date - 29") . '|0', 'as many as the last 30 days have');
cmp_ok((split /\|/, $days)[0], '>', 100, 'which are some');
is_deeply(api_violations(), [], 'asked as documented');

$node->stop;
done_testing();
