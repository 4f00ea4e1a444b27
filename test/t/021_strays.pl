
# A row belongs to the request it came with. An API that ignores a parameter
# which narrows (dates, ids, accounts, filters) gives rows that were not asked for,
# or the same ones again and again: each is an error that names the parameter,
# and never a row.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $api = api_start();
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000);

my $large = '7088160322559787010';
my $small = '7002238017842757633';
my $other = '7030219640413208578';
my $june = "stat_time_day BETWEEN '2026-06-01' AND '2026-06-20'";
my $spring = "stat_time_day BETWEEN '2026-03-10' AND '2026-05-20'";

# What psql says of a query: its rows, and the rest.
sub say_of
{
	my ($sql) = @_;
	my (undef, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return ($out, $err);
}

sub values_of
{
	my ($sql) = @_;
	return join(',', split /\n/, $node->safe_psql('postgres', $sql));
}

# A query as it is; the error when the API ignores each of these parameters in turn.
sub refuses
{
	my ($sql, @params) = @_;

	api_reset();
	my ($right, $err) = say_of($sql);
	is($err, '', 'asked as it should be: ' . ($sql =~ s/(\d{16}),[\d,]+/$1,…/r));
	like($right, qr/^(?!0$)./, '  there are rows');
	foreach my $param (@params)
	{
		my $name = $param =~ s/^filtering\.//r;

		api_reset();
		api_faults([ { match => {}, times => 0, action => { ignore => [$param] } } ]);
		my ($out, $said) = say_of($sql);
		is($out, '', "$param is ignored: no row");
		like($said, qr/ERROR:  HV000: the TikTok API seems to ignore parameter ("\w+" or )*"$name"/,
			"$param is ignored: the error names it");
		like($said, qr/DETAIL:  (A row of )?[Ff]oreign table .*Code 0, request ID/i, '  with the request');
	}
	api_reset();
	return;
}

# ---- reports: days, accounts, ids -----------------------------------------
my $campaigns = values_of("SELECT campaign_id FROM ads.campaigns_reports_daily WHERE advertiser_id = $large
	AND stat_time_day BETWEEN '2026-06-18' AND '2026-06-25' GROUP BY 1 HAVING count(spend) = 8 ORDER BY 1 LIMIT 3");
my ($campaign) = split /,/, $campaigns;
my @ads = split /,/, values_of("SELECT ad_id FROM ads.ads WHERE advertiser_id = $large ORDER BY 1 LIMIT 250");
my $ads = join(',', @ads);
is(scalar @ads, 250, 'ids for three requests');
my $busy = values_of("SELECT ad_id FROM ads.ads_reports_daily WHERE advertiser_id = $large AND $june
	GROUP BY 1 ORDER BY count(spend) DESC, 1 LIMIT 2");
my $from = "FROM ads.ads_reports_daily WHERE advertiser_id = $large";

refuses("SELECT ad_id, spend $from AND $june", 'start_date', 'end_date');
refuses("SELECT ad_id, spend $from AND $spring", 'start_date', 'end_date');
refuses("SELECT sum(spend) $from AND $june AND ad_id IN ($ads)", 'start_date', 'end_date', 'filtering.ad_ids');
refuses("SELECT sum(spend) $from AND $spring AND ad_id IN ($ads)", 'filtering.ad_ids');
refuses("SELECT spend $from AND $june AND ad_id = $ads[7]", 'filtering.ad_ids', 'start_date');
refuses("SELECT spend $from AND $june AND campaign_id IN ($campaigns)", 'filtering.campaign_ids');
refuses("SELECT ad_id, spend $from AND $june AND campaign_id = $campaign LIMIT 3", 'filtering.campaign_ids');
refuses("SELECT ad_id, spend $from AND $june AND campaign_id = $campaign ORDER BY spend DESC LIMIT 3", 'filtering.campaign_ids');
refuses("SELECT ad_id, stat_time_hour, spend FROM ads.ads_reports_hourly WHERE advertiser_id = $large
	AND stat_time_hour >= '2026-06-10' AND stat_time_hour < '2026-06-12'", 'start_date', 'end_date');
refuses("SELECT campaign_id, age, gender, spend FROM ads.campaigns_audience_reports_daily WHERE advertiser_id = $large
	AND $june AND campaign_id IN ($campaigns)", 'start_date', 'end_date', 'filtering.campaign_ids');
refuses("SELECT sum(spend) FROM ads.campaigns_reports_lifetime WHERE campaign_id IN ($campaigns)", 'filtering.campaign_ids');
refuses("SELECT stat_time_day, spend FROM ads.advertisers_reports_daily WHERE advertiser_id = $small AND $june",
	'advertiser_id', 'start_date', 'end_date');

# ---- lists: accounts, ids, filters, times ----------------------------------
foreach my $list ([ 'campaigns', 'campaign_name' ], [ 'ad_groups', 'adgroup_name' ], [ 'ads', 'ad_name' ])
{
	refuses("SELECT $list->[1] FROM ads.$list->[0] WHERE advertiser_id = $large", 'advertiser_id');
	refuses("SELECT count($list->[1]) FROM ads.$list->[0] WHERE advertiser_id IN ($small, $other)", 'advertiser_id');
	refuses("SELECT $list->[1] FROM ads.$list->[0] WHERE advertiser_id = $large LIMIT 1", 'advertiser_id');
}
refuses("SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $large AND ad_id IN ($ads)", 'filtering.ad_ids');
refuses("SELECT ad_name FROM ads.ads WHERE advertiser_id = $large AND ad_id = $ads[3]", 'filtering.ad_ids');
refuses("SELECT ad_name FROM ads.ads WHERE advertiser_id = $large AND campaign_id = $campaign", 'filtering.campaign_ids');
my @filtered = (
	[ 'campaigns', 'objective_type' ], [ 'ad_groups', 'optimization_goal' ],
	[ 'ad_groups', 'billing_event' => 'billing_events' ], [ 'campaigns', 'is_smart_performance_campaign' ]);
foreach my $filtered (@filtered)
{
	my ($table, $column, $param) = @$filtered;
	my $value = $node->safe_psql('postgres', "SELECT quote_literal($column) FROM ads.$table WHERE advertiser_id = $large
		AND $column IS NOT NULL AND ${column}::text NOT LIKE 'APP%' GROUP BY $column ORDER BY count(*), 1 LIMIT 1");

	refuses("SELECT count(advertiser_id::text) FROM ads.$table WHERE advertiser_id = $large AND $column = $value",
		'filtering.' . ($param // $column));
}
refuses("SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $large AND secondary_status = 'AD_STATUS_DELIVERY_OK'",
	'filtering.secondary_status');
# only half a year is asked for by time; the API's clock is not ours
my $now = $node->safe_psql('postgres', "SELECT max(create_time) FROM ads.ads WHERE advertiser_id = $large");
SKIP:
{
	my $recent = "create_time > '$now'::timestamptz - interval '20 days' AND create_time < '$now'::timestamptz - interval '1 day'";

	skip 'no ad was created in these days', 1
	  unless $node->safe_psql('postgres', "SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $large AND $recent");
	refuses("SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $large AND $recent",
		'filtering.creation_filter_start_time', 'filtering.creation_filter_end_time');
}
refuses("SELECT advertiser_id, name FROM ads.advertisers WHERE advertiser_id = $small", 'advertiser_ids');
my $image = $node->safe_psql('postgres', "SELECT min(image_id) FROM ads.creative_assets_images WHERE advertiser_id = $large");
refuses("SELECT image_id, width FROM ads.creative_assets_images WHERE advertiser_id = $large AND image_id = '$image'",
	'filtering.image_ids');

# ---- deleted objects --------------------------------------------------------
$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (ADD include_deleted 'false')");
refuses("SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $large", 'filtering.primary_status');
refuses("SELECT campaign_name FROM ads.campaigns WHERE advertiser_id = $large", 'filtering.primary_status');
$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (DROP include_deleted)");

# ---- count(*) ---------------------------------------------------------------
refuses("SELECT count(*) FROM ads.ads WHERE advertiser_id = $large", 'advertiser_id');
refuses("SELECT count(*) FROM ads.ads WHERE advertiser_id = $large AND campaign_id = $campaign", 'filtering.campaign_ids');
refuses("SELECT count(*) FROM ads.ads WHERE advertiser_id = $large AND ad_id IN ($ads)", 'filtering.ad_ids');
refuses("SELECT count(*) $from AND $june AND ad_id IN ($busy)", 'filtering.ad_ids', 'start_date', 'end_date');
refuses("SELECT count(*) FROM ads.advertisers_reports_daily WHERE advertiser_id = $small AND $june",
	'start_date', 'end_date');

# ---- pages ------------------------------------------------------------------
$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (ADD page_size '100')");
foreach my $sql ("SELECT ad_name FROM ads.ads WHERE advertiser_id = $large", "SELECT spend $from AND $june")
{
	my $right = join("\n", sort split /\n/, $node->safe_psql('postgres', $sql));

	foreach my $param ('page', 'page_size')
	{
		api_faults([ { match => {}, times => 0, action => { ignore => [$param] } } ]);
		my ($out, $said) = say_of($sql);
		ok($said =~ /ERROR:  HV000/ || join("\n", sort split /\n/, $out) eq $right,
			"$param is ignored: an error, or the right rows: $sql");
		api_reset();
	}
}
$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (DROP page_size)");

# ---- in parts: more than 100 metrics ------------------------------------------
$node->safe_psql('postgres', qq{
	CREATE SCHEMA wide;
	IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_daily) FROM SERVER tiktok INTO wide OPTIONS (metrics 'all')});
refuses("SELECT count(t::text) FROM wide.ads_reports_daily t WHERE advertiser_id = $large AND $june AND ad_id IN ($ads)",
	'start_date', 'end_date', 'filtering.ad_ids');

# ---- without pushdown nothing is ignored --------------------------------------
api_faults([ { match => {}, times => 0, action => { ignore => ['filtering.campaign_ids'] } } ]);
my ($out, $err, $hint);
(undef, $hint) = say_of("SELECT ad_name FROM ads.ads WHERE advertiser_id = $large AND campaign_id = $campaign");
like($hint, qr/HINT:  To read the rows without it: SET tiktok_fdw.enable_pushdown = off\./, 'the hint');
($out, $err) = say_of("SET tiktok_fdw.enable_pushdown = off;
	SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $large AND campaign_id = $campaign");
is($err, '', 'holds');
api_reset();
is($out, $node->safe_psql('postgres', "SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $large AND campaign_id = $campaign"),
	'and the rows are right');

# ---- what stands for several values is no filter's failure ---------------------
foreach my $status ('AD_STATUS_ALL', 'AD_STATUS_NOT_DELETE', 'AD_STATUS_DELETE')
{
	($out, $err) = say_of("SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $large AND secondary_status = '$status'");
	is($err, '', "$status: no error");
}

# ---- a snapshot: the account fails, the others go on, nothing changes for it ----
$node->safe_psql('postgres', q{CREATE SCHEMA mart});
$node->safe_psql('postgres', q{SELECT * FROM tiktok.materialize('ads.campaigns', 'mart.c')});
my $kept = $node->safe_psql('postgres', 'SELECT count(*), sum(campaign_id) FROM mart.c');
api_faults([ { match => { advertiser_id => $small }, times => 0, action => { ignore => ['advertiser_id'] } } ]);
($out, $err) = say_of(q{CALL tiktok.refresh('mart.c')});
like($err, qr/WARNING:  \w+: 1 of \d+ accounts could not be read into mart.c/, 'a refresh says that an account could not be read');
like($err, qr/advertiser $small: the TikTok API seems to ignore parameter "advertiser_id"/, 'which, and why');
is($node->safe_psql('postgres', 'SELECT count(*), sum(campaign_id) FROM mart.c'), $kept, 'and keeps what it had');
api_reset();

# ---- the same list is the answer to everything ---------------------------------
my @rows = map { { dimensions => { ad_id => "$_", stat_time_day => '2024-01-02 00:00:00' }, metrics => { spend => '1.00' } } } 1 .. 150;
my $same = { match => { path => 'report/integrated/get' }, times => 0,
	action => { data => { list => \@rows, page_info => { page => 1, page_size => 1000, total_number => 150, total_page => 1 } } } };
foreach my $sql (
	"SELECT count(spend), count(DISTINCT ad_id) FROM ads.ads_reports_daily WHERE advertiser_id = $small
		AND stat_time_day = '2024-01-02' AND ad_id = ANY (ARRAY(SELECT generate_series(0,149)::bigint))",
	"SELECT stat_time_day, spend FROM ads.ads_reports_daily WHERE advertiser_id = $small
		AND stat_time_day BETWEEN '2024-01-15' AND '2024-03-14'")
{
	api_faults([$same]);
	($out, $err) = say_of($sql);
	is($out, '', "no row: $sql");
	like($err, qr/ERROR:  HV000: the TikTok API seems to ignore parameter "(ad_ids|start_date|end_date)"/,
		'but an error that says which parameter is ignored');
	api_reset();
}
is_deeply(api_violations(), [], 'asked as documented');

$node->stop;
done_testing();
