# Reports by week, month and period: rows are those that test/api/expected.py
# computes without HTTP, people are not summed, each account and period is one
# request series, and none is ever cut by days.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use JSON::PP;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;

# The last day that is asked for depends on the clock, so the API's calendar
# shows the real day; not across midnight.
plan skip_all => 'it is almost midnight in UTC' if strftime('%H:%M', gmtime) =~ /^23:5[5-9]/;

sub day
{
	my ($ago) = @_;

	return strftime('%Y-%m-%d', gmtime(time() - $ago * 86400));
}
my $today = day(0);
my $last = day(-1);    # no account is farther ahead

# Los Angeles, Tokyo and Berlin; and one with Promote and TopView
my @accounts = qw(7002238017842757633 7051874396120449026 7030219640413208578 7160093331570884610);
my $account = $accounts[0];
my $kinds = $accounts[3];
my $list = join(', ', @accounts);

my $api = api_start('--today', $today);
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, -import_options => { streams => 'all' });

my %names = (week => 'stat_time_week', month => 'stat_time_month');
my %range = (week => [ day(24), $today ], month => [ day(50), $today ], period => [ day(80), day(3) ]);
my %where = (
	(map { $_ => "$names{$_} BETWEEN '$range{$_}[0]' AND '$range{$_}[1]'" } qw(week month)),
	period => "start_date = '$range{period}[0]' AND end_date = '$range{period}[1]'");

# A statement's rows, SQLSTATE ('' if it went well), messages.
sub run
{
	my ($sql) = @_;

	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	my ($state) = $err =~ /ERROR:  (\w{5}):/;
	$state //= $rc == 0 ? '' : "psql failed: $err";
	return ($out, $state, $err);
}

# The windows of the report requests since the last reset, one by one.
sub windows
{
	return map { "$_->{params}{advertiser_id} $_->{params}{start_date} $_->{params}{end_date}" }
	  @{ api_log(qr{report/integrated}) };
}

# The file that expected.py writes for columns of a stream.
sub expected
{
	my ($stream, $columns, $grain, @more) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$stream.csv";

	open(my $out, '-|', $ENV{PYTHON} // 'python3', "$FindBin::Bin/../api/expected.py",
		'--stream', $stream, '--columns', $columns, '--today', $today,
		'--from', $range{$grain}[0], '--to', $range{$grain}[1], '--accounts', join(',', @accounts), @more)
	  or die "expected.py: $!";
	open(my $csv, '>', $file) or die "$file: $!";
	print $csv $_ while (<$out>);
	close($csv);
	close($out) or die 'expected.py failed';
	return $file;
}

# The rows of a table are those: "rows|missing|extra".
sub compare
{
	my ($schema, $stream, $grain, @more) = @_;
	my ($list_of, $types) = split(/\|/, $node->safe_psql('postgres', <<SQL));
SELECT string_agg(name, ', ' ORDER BY ordinal), string_agg(name || ':' || type, ',' ORDER BY ordinal)
FROM tiktok.stream_columns WHERE stream = '$stream'
SQL
	my $file = expected($stream, $types, $grain, @more);

	api_reset();
	return $node->safe_psql('postgres', <<SQL);
CREATE TEMP TABLE e AS SELECT $list_of FROM $schema.$stream WHERE false;
\\copy e FROM '$file' CSV HEADER
CREATE TEMP TABLE g AS SELECT $list_of FROM $schema.$stream WHERE advertiser_id IN ($list) AND $where{$grain};
SELECT (SELECT count(*) FROM e),
	(SELECT count(*) FROM (SELECT e::text FROM e EXCEPT ALL SELECT g::text FROM g) x),
	(SELECT count(*) FROM (SELECT g::text FROM g EXCEPT ALL SELECT e::text FROM e) x)
SQL
}

# ---- the rows, and how many requests they take ------------------------------------

my $streams = $node->safe_psql('postgres',
	"SELECT string_agg(name || ' ' || grain, ',') FROM tiktok.streams WHERE grain IN ('week', 'month', 'period')");
is(scalar(split(/,/, $streams)), 12, 'twelve streams');
foreach my $stream (map { [ split / / ] } split(/,/, $streams))
{
	my ($name, $grain) = @$stream;
	my ($rows, $missing, $extra) = split(/\|/, compare('ads', $name, $grain));

	cmp_ok($rows, '>', 0, "$name has rows to compare");
	is("$missing missing, $extra extra", '0 missing, 0 extra', "$name: $rows rows, as computed");
	is_deeply(api_violations(), [], "$name: asked as documented");

	my $periods = $grain eq 'period' ? 1 : $node->safe_psql('postgres',
		"SELECT count(*) FROM generate_series(date '$range{$grain}[0]', '$range{$grain}[1]', '1 day') AS d
		WHERE d = date_trunc('$grain', d)");
	api_reset();
	is( $node->safe_psql('postgres', "SELECT count(reach) FROM ads.$name WHERE advertiser_id IN ($list) AND $where{$grain}"),
		$rows, "$name: few columns, the same rows");
	my @asked = windows();
	my %once = map { $_ => 1 } @asked;
	is(scalar @asked, $periods * @accounts, "$name: a request for each of $periods periods and account");
	is(scalar keys %once, scalar @asked, "$name: none twice");
}

# the running week goes on to the day past today, and says so
my $monday = $node->safe_psql('postgres', "SELECT date_trunc('week', date '$today')::date");
is($node->safe_psql('postgres', <<SQL), 't|t', 'a week that goes on tells how far it goes');
SELECT bool_and(covered_to = least(date '$last', date '$monday' + 6)), count(*) > 0
FROM ads.advertisers_reports_weekly WHERE advertiser_id IN ($list) AND stat_time_week = '$monday'
SQL
# so does a period; one that is all to come is nothing
api_reset();
is($node->safe_psql('postgres', <<SQL), "$last|" . day(-300), 'a period that goes on, too');
SELECT max(covered_to), min(end_date) FROM ads.advertisers_reports_period
WHERE advertiser_id = $account AND start_date = '@{[day(40)]}' AND end_date = '@{[day(-300)]}'
SQL
is_deeply([ windows() ], [ "$account " . day(40) . " $last" ], 'and is asked for up to there');
is($node->safe_psql('postgres', <<SQL), 0, 'of a period to come there is nothing');
SELECT count(*) FROM ads.advertisers_reports_period WHERE start_date = '@{[day(-5)]}' AND end_date = '@{[day(-9)]}'
SQL
is(scalar(windows()), 1, 'and nothing is asked');

# ---- people are not summed ----------------------------------------------------------

is($node->safe_psql('postgres', <<SQL), 't|t|t', 'reach is not the sum of days, spend and impressions are');
WITH days AS (
	SELECT advertiser_id, campaign_id, date_trunc('week', stat_time_day)::date AS week, count(*) AS days,
		sum(spend) AS spend, sum(impressions) AS impressions, sum(reach) AS reach
	FROM ads.campaigns_reports_daily
	WHERE advertiser_id IN ($list) AND stat_time_day >= date_trunc('week', date '$range{week}[0]' + 7)
	GROUP BY 1, 2, 3)
SELECT bool_and(w.spend = d.spend AND w.impressions = d.impressions),
	bool_and(w.reach < d.reach) FILTER (WHERE d.days > 1),
	count(*) = count(w.campaign_id) AND count(*) = count(d.campaign_id) AND count(*) > 20
FROM (SELECT * FROM ads.campaigns_reports_weekly WHERE advertiser_id IN ($list)
	AND stat_time_week >= date_trunc('week', date '$range{week}[0]' + 7)) AS w
FULL JOIN days AS d ON d.advertiser_id = w.advertiser_id AND d.campaign_id = w.campaign_id AND d.week = w.stat_time_week
SQL

# ---- pages, metrics, options ---------------------------------------------------------

$node->safe_psql('postgres', <<SQL);
CREATE SCHEMA small;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_monthly, campaigns_reports_weekly) FROM SERVER tiktok INTO small;
ALTER FOREIGN TABLE small.ads_reports_monthly OPTIONS (ADD page_size '20');
ALTER FOREIGN TABLE small.campaigns_reports_weekly OPTIONS (ADD include_idle 'true');
CREATE SCHEMA "all";
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_weekly) FROM SERVER tiktok INTO "all" OPTIONS (metrics 'all');
SQL
like(compare('small', 'ads_reports_monthly', 'month'), qr/^\d+\|0\|0$/, 'pages of 20: the same rows');
cmp_ok(scalar(windows()), '>', 20, 'in more requests');
my ($rows) = split(/\|/, compare('ads', 'campaigns_reports_weekly', 'week'));
my $all = compare('small', 'campaigns_reports_weekly', 'week', '--include-idle');
like($all, qr/^\d+\|0\|0$/, 'include_idle: as computed');
cmp_ok((split /\|/, $all)[0], '>', $rows, 'there are more of them');
api_reset();
is( $node->safe_psql('postgres', "SELECT count(*) FROM small.campaigns_reports_weekly WHERE advertiser_id IN ($list) AND $where{week}"),
	(split /\|/, $all)[0], 'which a total counts');
is_deeply([ sort keys %{ { map { $_->{params}{page_size} => 1 } @{ api_log(qr{report}) } } } ], [1], 'with pages of one row');

my $week = "advertiser_id = $account AND stat_time_week = date_trunc('week', date '$today' - 7)";
api_reset();
is($node->safe_psql('postgres', <<SQL), 't|t', 'more metrics than a request may have: the same rows');
SELECT count(whole) > 0, array_agg((ad_id, reach, spend) ORDER BY ad_id) =
	(SELECT array_agg((ad_id, reach, spend) ORDER BY ad_id) FROM ads.ads_reports_weekly WHERE $week)
FROM (SELECT f::text AS whole, f.* FROM "all".ads_reports_weekly AS f WHERE $week OFFSET 0) AS f
SQL
cmp_ok(scalar(windows()), '>', 5, 'in parts');
is_deeply(api_violations(), [], 'asked as documented');

# the same rows whatever columns are read, with and without pushdown
my $rows_of = join(' ', map { "SELECT count(*) FROM (SELECT $_ FROM ads.ads_reports_weekly WHERE $week OFFSET 0) q;" }
	  ('', 'ad_id', 'likes, ad_name', 'covered_to', 'spend'));
is($node->safe_psql('postgres', "$rows_of SET tiktok_fdw.enable_pushdown = off; $rows_of"),
	join("\n", ($node->safe_psql('postgres', "SELECT count(*) FROM ads.ads_reports_weekly WHERE $week")) x 10),
	'rows do not depend on columns');

# a row is idle if all of the metrics are nothing
my $july = "SELECT count(*), count(*) FILTER (WHERE spend = 0) FROM ads.advertisers_reports_weekly WHERE $week";
my @seven = qw(spend impressions clicks conversion real_time_conversion result real_time_result);
my @zeros = map { +{ row => 0, field => "metrics.$_", value => $_ eq 'spend' ? '0.00' : '0' } } @seven;
foreach my $case (
	[ 'all zero', '0|0' ],
	[ 'no spend but impressions', '1|1', impressions => '3' ],
	[ 'a late conversion', '1|1', real_time_conversion => '1' ],
	[ 'fewer than five', '1|1', result => '<5' ],
	[ 'no values', '0|0', conversion => '-', result => JSON::PP::null, clicks => '' ])
{
	my ($name, $right, %values) = @$case;
	my @patch = map { my ($metric) = $_->{field} =~ /(\w+)$/;
		exists $values{$metric} ? { %$_, value => $values{$metric} } : $_ } @zeros;

	api_faults([ { match => { path => 'report/integrated/get' }, action => { patch => \@patch } } ]);
	is($node->safe_psql('postgres', $july), $right, "a row with $name");
}

my @like = map { $_->{field} eq 'metrics.spend' ? ($_, { %$_, field => 'metrics.likes', value => '7' }) : $_ } @zeros;
foreach my $case ([ "max(likes), count(*)", '7|1' ], [ 'count(*)', '0' ])
{
	api_faults([ { match => { path => 'report/integrated/get' }, action => { patch => \@like } } ]);
	is($node->safe_psql('postgres', "SELECT $case->[0] FROM ads.advertisers_reports_weekly WHERE $week"),
		$case->[1], "a like alone: a row for who reads likes ($case->[0])");
}

# ---- what is too much is never cut by days -------------------------------------------

my $month = "stat_time_month = date_trunc('month', date '$today' - 40)";
api_reset();
api_faults([ { match => { path => 'report/integrated/get' }, action => { max_days => 20 } } ]);
my (undef, $state, $err) = run("SELECT sum(spend) FROM ads.ads_reports_monthly WHERE advertiser_id = $account AND $month");
is($state, '54000', '40067 without a condition on ids is an error');
is(scalar(windows()), 1, 'and no part of the month is asked for');
api_reset();

my @ids = split(/\n/, $node->safe_psql('postgres',
	"SELECT ad_id FROM ads.ads_reports_monthly WHERE advertiser_id = $account AND $month ORDER BY 1 LIMIT 8"));
my $of_ids = "advertiser_id = $account AND $month AND ad_id IN (" . join(', ', @ids) . ')';
my $right = $node->safe_psql('postgres', "SELECT count(*), sum(spend), sum(reach) FROM ads.ads_reports_monthly WHERE $of_ids");
foreach my $case (
	[ 'ids are halved', { ids => 2 } ],
	[ 'metrics are halved', { metrics => 30 } ])
{
	my ($name, $over) = @$case;
	my $columns = $over->{metrics} ? '*' : 'spend, reach';

	api_reset();
	api_faults([ { match => { path => 'report/integrated/get' }, action => { timeout_over => { %$over, how => '51010' } } } ]);
	my ($out, $state) = run("SELECT count(*), sum(spend), sum(reach) FROM (SELECT $columns FROM ads.ads_reports_monthly WHERE $of_ids OFFSET 0) q");
	is("$state$out", $right, "what takes too long: $name");
	my %windows = map { $_ => 1 } windows();
	is(scalar keys %windows, 1, 'and the days stay');
	is_deeply(api_violations(), [], 'asked as documented');
}

# ---- statistics -------------------------------------------------------------------------

api_reset();
$node->safe_psql('postgres', 'ANALYZE ads.campaigns_reports_weekly, ads.advertisers_reports_monthly, ads.ad_groups_reports_period');
is_deeply(api_violations(), [], 'ANALYZE asks as documented');
is($node->safe_psql('postgres', <<SQL), 't|t|t', 'and finds rows of some weeks, months, one period');
SELECT (SELECT reltuples > 0 FROM pg_class WHERE oid = 'ads.campaigns_reports_weekly'::regclass),
	(SELECT reltuples > 0 FROM pg_class WHERE oid = 'ads.advertisers_reports_monthly'::regclass),
	(SELECT reltuples > 0 FROM pg_class WHERE oid = 'ads.ad_groups_reports_period'::regclass)
SQL
like($node->safe_psql('postgres', <<SQL), qr/Estimated Requests: 12\b/, 'estimates: accounts times weeks');
EXPLAIN VERBOSE SELECT * FROM ads.campaigns_reports_weekly WHERE advertiser_id IN (1, 2, 3) AND stat_time_week
	BETWEEN date_trunc('week', date '$today') - interval '21 days' AND '$today'
SQL

$node->stop;
done_testing();
