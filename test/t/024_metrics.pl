# Metrics that do not go together, and more of them than a request may have.
# What the API refuses without naming it is found by halves and reads as NULL;
# more than 100 metrics are asked for in parts whose rows belong together.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $api = api_start();
my $node = new_node('main');
setup_fdw($node, concurrency => 4, rate_limit => 1000, -import_options => { streams => 'all' });
my $account = '7088160322559787010';
my $day = "advertiser_id = $account AND stat_time_day = '2026-06-20'";

# Runs a statement under faults: its rows, what else was said, the requests.
sub under
{
	my ($sql, @faults) = @_;

	api_reset();
	api_faults(\@faults) if @faults;
	my (undef, $rows, $said) = $node->psql('postgres', $sql);
	return ($rows, $said, api_log(qr{report/integrated/get}));
}

sub conflict
{
	return { match => { path => 'report/integrated/get' }, action => { conflict => $_[0] } };
}

# ---- found by halves -----------------------------------------------------
my @core = split /,/, $node->safe_psql('postgres',
	q{SELECT string_agg(c.name, ',' ORDER BY ordinal) FROM tiktok.stream_columns c
	JOIN tiktok.report_metrics m ON m.name = c.name AND NOT m.attribute
	WHERE stream = 'campaigns_reports_daily'});
my $list = join(', ', @core);
cmp_ok(scalar @core, '>', 30, 'a report of ' . @core . ' metrics');
my ($right) = under("SELECT $list FROM ads.campaigns_reports_daily WHERE $day ORDER BY campaign_id");
foreach my $place (0, 1, int(@core / 2), $#core)
{
	my $name = $core[$place];
	next if $name eq 'spend';
	my $expected = join(', ', map { $_ eq $name ? 'NULL' : $_ } @core);
	my ($rows) = under("SELECT $expected FROM ads.campaigns_reports_daily WHERE $day ORDER BY campaign_id");
	my ($got, $said, $log) = under(
		"SELECT $list FROM ads.campaigns_reports_daily WHERE $day ORDER BY campaign_id", conflict([$name]));

	is($got, $rows, "$name, number $place: NULL, the others have their values");
	is(scalar(() = $said =~ /WARNING:  the TikTok API refuses metric "$name"/g), 1, "$name: one warning");
	unlike($said, qr/ERROR/, "$name: no error");
	# the first, the search, and once more without it
	cmp_ok(scalar @$log, '<=', 2 + int(log(@core + 1) / log(2) + 0.999), "$name: " . @$log . ' requests');
	my @probes = grep { $_->{params}{page_size} == 1 } @$log;
	is(scalar(@probes), @$log - 2, "$name: the search is for one row");
}

# two that are refused, of which one is only beside the other
my ($first, $second) = @core[ 3, 20 ];
my ($got, $said, $log) = under("SELECT $list FROM ads.campaigns_reports_daily WHERE $day", conflict([ $first, $second ]));
is(scalar(() = $said =~ /WARNING:  the TikTok API refuses metric/g), 2, 'two are found one after the other');

# windows and accounts that run side by side wait for one search
($got, $said, $log) = under("SELECT count(reach), count(spend) FROM ads.campaigns_reports_daily
	WHERE stat_time_day BETWEEN '2026-04-01' AND '2026-06-28'", conflict(['reach']));
my ($whole) = under("SELECT 0, count(spend) FROM ads.campaigns_reports_daily
	WHERE stat_time_day BETWEEN '2026-04-01' AND '2026-06-28'");
is($got, $whole, 'many units: every row, and NULL for the metric');
is(scalar(() = $said =~ /WARNING/g), 1, 'one warning for all of them');

# the session remembers, and says so
my $reach = "SELECT count(reach), count(spend) FROM ads.campaigns_reports_daily WHERE $day;";
(undef, $said, $log) = under($reach . $reach, conflict(['reach']));
is(scalar(() = $said =~ /WARNING:  the TikTok API refuses metric "reach"/g), 2, 'a second query warns again');
is(scalar(grep { $_->{params}{metrics} =~ /reach/ } @{$log}[ -1 .. -1 ]), 0, 'but does not ask again');
(undef, $said, $log) = under($reach . 'ALTER FOREIGN TABLE ads.campaigns_reports_daily OPTIONS (ADD page_size \'100\');' . $reach
	. 'ALTER FOREIGN TABLE ads.campaigns_reports_daily OPTIONS (DROP page_size);', conflict(['reach']));
cmp_ok(scalar(grep { $_->{params}{metrics} =~ /reach/ && $_->{params}{page_size} == 100 } @$log), '>', 0,
	'a table that has changed is asked anew');

# people by country
my ($total) = under("SELECT count(*), sum(spend), count(reach) FROM ads.campaigns_audience_reports_by_country_daily WHERE $day");
($got, $said) = under("SELECT count(*), sum(spend), 0 FROM (SELECT spend, reach, frequency, cost_per_1000_reached FROM
	ads.campaigns_audience_reports_by_country_daily WHERE $day) t", conflict('uv_by_country'));
is($got, join('|', (split /\|/, $total)[ 0, 1 ], 0), 'reach by country: rows and spend are all there');
($got, $said) = under("SELECT count(reach), count(frequency), count(cost_per_1000_reached) FROM
	ads.campaigns_audience_reports_by_country_daily WHERE $day", conflict('uv_by_country'));
is($got, '0|0|0', 'and its kind is NULL');
is(scalar(() = $said =~ /WARNING/g), 3, 'with a warning each');

# also in BASIC reports by country, which connectors do not ask for less
($total) = under("SELECT count(*), sum(spend), count(reach) FROM ads.campaigns_reports_by_country_daily WHERE $day");
($got, $said) = under("SELECT count(*), sum(spend), count(reach) FROM ads.campaigns_reports_by_country_daily
	WHERE $day", conflict('uv_by_country'));
cmp_ok((split /\|/, $total)[2], '>', 0, 'BASIC by country: reach, where the API tells it');
is($got, join('|', (split /\|/, $total)[ 0, 1 ], 0), 'and where it does not: rows and spend are all there');
like($said, qr/WARNING:  the TikTok API refuses metric "reach"/, 'and reach is NULL with a warning');

# streams of which sources disagree whether they are there: the API's word counts
foreach my $stream ($node->safe_psql('postgres', 'SELECT name FROM tiktok.streams WHERE note LIKE \'In doubt%\'') =~ /\S+/g)
{
	my $time = $stream =~ /hourly$/ ? 'stat_time_hour' : 'stat_time_day';

	$node->safe_psql('postgres', "IMPORT FOREIGN SCHEMA tiktok LIMIT TO ($stream) FROM SERVER tiktok INTO ads");
	($got, $said, $log) = under("SELECT count(spend) FROM ads.$stream WHERE advertiser_id = $account AND $time = '2026-06-20'");
	like($said, qr/ERROR:  TikTok API request failed: .*cannot be combined|Conflict occurs/, "$stream: refused by the local API");
	like($said, qr/HINT:  In doubt: one (catalogue says|client saw)/, "$stream: the hint says that it is in doubt");
	like($log->[0]{params}{dimensions}, qr/"$time","(country_code|interest_category)"/, 'which was asked for what the catalogue says');
}

# what no metric is to blame for is the API's error, after few requests
($got, $said, $log) = under("SELECT $list FROM ads.campaigns_reports_daily WHERE $day",
	{ match => { path => 'report/integrated/get' }, times => 0,
		action => { code => 40002, message => 'Conflict occurs. The input params including metrics and dimensions have no relation.' } });
like($said, qr/ERROR:  TikTok API request failed: Conflict occurs/, 'not even the least goes: the error that it is');
cmp_ok(scalar @$log, '<=', 12, 'found out in ' . @$log . ' requests');

# a refresh blanks no column
$node->safe_psql('postgres', "SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'public.kept', since => '2026-06-20')");
($got, $said) = under('CALL tiktok.refresh(\'public.kept\')', conflict(['reach']));
is($node->safe_psql('postgres', 'SELECT count(*) FROM public.kept'), 0, 'a refresh with a refused metric writes nothing');
like($node->safe_psql('postgres', q{SELECT string_agg(last_error, ' ') FROM tiktok.snapshot_accounts}),
	qr/refuses metric "reach"/, 'and names it');

# ---- more than a request may have ----------------------------------------
my $wide = "SELECT * FROM ads.ads_reports_daily WHERE advertiser_id = $account
	AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-20'";
my $columns = $node->safe_psql('postgres',
	q{SELECT count(*) FROM tiktok.stream_columns WHERE stream = 'ads_reports_daily' AND path LIKE 'metrics.%'});
cmp_ok($columns, '>', 100, "$columns metrics in a table");
foreach my $page_size (1000, 7)
{
	$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (ADD page_size '$page_size')");
	my ($rows, undef, $requests) = under("SELECT count(*), sum(spend), sum(impressions), count(DISTINCT (ad_id, stat_time_day)),
		count(ad_name), count(is_smart_creative) FROM ($wide OFFSET 0) t");
	my ($narrow) = under("SELECT count(*), sum(spend), sum(impressions), count(DISTINCT (ad_id, stat_time_day)),
		count(ad_name), count(is_smart_creative) FROM ads.ads_reports_daily WHERE advertiser_id = $account
		AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-20'");

	is($rows, $narrow, "pages of $page_size: as when few are asked for");
	is_deeply(api_violations(), [], "pages of $page_size: never more than 100 in a request");
	$node->safe_psql('postgres', 'ALTER SERVER tiktok OPTIONS (DROP page_size)');
}
# each value stands in the row it belongs to
my $checked = $node->safe_psql('postgres', "SELECT count(*) FROM (SELECT ad_id, stat_time_day, spend, currency, ad_url FROM ($wide OFFSET 0) w
	EXCEPT ALL SELECT ad_id, stat_time_day, spend, currency, ad_url FROM ads.ads_reports_daily
	WHERE advertiser_id = $account AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-20') t");
is($checked, 0, 'values of both parts stand in the row they belong to');
# LIMIT and the API's order
my ($best) = under("SELECT ad_id, stat_time_day FROM (SELECT * FROM ads.ads_reports_daily WHERE $day ORDER BY spend DESC LIMIT 5) t");
my ($same) = under("SELECT ad_id, stat_time_day FROM (SELECT ad_id, stat_time_day, spend FROM ads.ads_reports_daily WHERE $day ORDER BY spend DESC LIMIT 5) t");
is($best, $same, 'the best five, with all their metrics');
is(scalar(split /\n/, $node->safe_psql('postgres', "SELECT 1 FROM ($wide LIMIT 3) t")), 3, 'LIMIT');
# a row that only one part has
(undef, $said) = under("SELECT count(w) FROM (SELECT * FROM ads.ads_reports_daily WHERE $day OFFSET 0) w",
	{ match => { path => 'report/integrated/get' }, times => 1, after => 1, action => { drop_row => 0, total_delta => -1 } });
like($said, qr/ERROR:  incomplete reply from the TikTok API: a row came for some of its metrics only/,
	'a row that only some of the requests return is an error');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing crashed');
$node->stop;
done_testing();
