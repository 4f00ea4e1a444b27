
# Sums that the API adds up, where something goes wrong: refused accounts and
# metrics, too much for a request, accounts of too many ads, hours that come
# twice. The sums of the days, or what is said of them, are the same.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $api = api_start();
my $node = new_node('main');
setup_fdw($node, concurrency => 1, rate_limit => 1000, -import_options => { metrics => 'all' },
	-import => [ 'ads_reports_daily', 'campaigns_reports_daily', 'campaigns_reports_hourly' ]);
my $large = '7088160322559787010';
my $small = '7002238017842757633';
my $days = "stat_time_day BETWEEN '2026-02-01' AND '2026-06-29'";
my %report_path = (path => 'report/integrated/get');

# Rows of a query with the setting on or off, what else was said, requests.
sub run
{
	my ($setting, $sql, @faults) = @_;

	api_reset();
	api_faults(\@faults) if @faults;
	my (undef, $out, $err) = $node->psql('postgres',
		"SET tiktok_fdw.enable_aggregate_pushdown = $setting;\n$sql");
	return ($out, $err, scalar @{ api_log(qr{report/integrated}) });
}

# The sums are those of the days, and told apart by the number of requests.
sub same
{
	my ($what, $sql, $requests, @faults) = @_;
	my ($right, $said, $many) = run('off', $sql, @faults);
	my ($out, $err, $few) = run('on', $sql, @faults);

	is($out, $right, "$what: the sums of the days");
	isnt($right, '', "$what: there are some");
	s/^DETAIL:.*\n?//mg foreach ($err, $said);
	is($err, $said, "$what: and nothing else is said");
	is($few, $requests, "$what: $requests requests (of days: $many)") if defined $requests;
	return $few;
}

# ---- against numbers from elsewhere --------------------------------------
my $file = "$PostgreSQL::Test::Utils::tmp_check/days.csv";
open(my $rows, '-|', $ENV{PYTHON} // 'python3', "$FindBin::Bin/../api/expected.py", '--stream',
	'campaigns_reports_daily', '--columns',
	'advertiser_id:bigint,campaign_id:bigint,campaign_name:text,spend:numeric,clicks:bigint',
	'--today', '2026-06-30', '--from', '2025-07-01', '--to', '2026-06-29', '--accounts', "$small,$large")
  or die "expected.py: $!";
open(my $csv, '>', $file) or die "$file: $!";
print $csv $_ while (<$rows>);
close($csv);
close($rows) or die 'expected.py failed';
my ($out, $err, $n) = run('on', <<SQL);
CREATE TABLE days (a bigint, id bigint, name text, spend numeric, clicks bigint);
\\copy days FROM '$file' CSV HEADER
CREATE TEMP TABLE sums AS SELECT advertiser_id, campaign_id, campaign_name, sum(spend) AS s, sum(clicks) AS c
	FROM ads.campaigns_reports_daily WHERE advertiser_id IN ($small, $large)
	AND stat_time_day BETWEEN '2025-07-01' AND '2026-06-29' GROUP BY 1, 2, 3;
CREATE TEMP TABLE right_sums AS SELECT a, id, name, sum(spend) AS s, sum(clicks) AS c FROM days GROUP BY 1, 2, 3;
SELECT count(*) > 5, (SELECT count(*) FROM (TABLE sums EXCEPT ALL TABLE right_sums) x),
	(SELECT count(*) FROM (TABLE right_sums EXCEPT ALL TABLE sums) x) FROM right_sums
SQL
is($out, 't|0|0', 'a year of two accounts: the sums that are right') or diag($err);
is($n, 2, 'a request each');

# ---- refusals ------------------------------------------------------------
$node->safe_psql('postgres', q{ALTER SERVER tiktok OPTIONS (ADD on_advertiser_error 'skip')});
my $refuse = { code => 40001, message => 'No permission to operate advertiser' };
same('a skipped account', "SELECT advertiser_id, sum(clicks) FROM ads.campaigns_reports_daily
	WHERE advertiser_id IN ($small, $large) AND $days GROUP BY 1", 2,
	{ match => { advertiser_id => $large }, times => 0, action => $refuse });
(undef, $err) = run('on', "SELECT sum(clicks) FROM ads.campaigns_reports_daily
	WHERE advertiser_id IN ($small, $large) AND $days",
	{ match => { advertiser_id => $large }, times => 0, action => $refuse });
like($err, qr/WARNING:  skipping advertiser $large/, 'it is told');
$node->safe_psql('postgres', q{ALTER SERVER tiktok OPTIONS (DROP on_advertiser_error)});
(undef, $err) = run('on', "SELECT sum(clicks) FROM ads.campaigns_reports_daily
	WHERE advertiser_id IN ($small, $large) AND $days",
	{ match => { advertiser_id => $large }, times => 0, action => $refuse });
like($err, qr/ERROR/, 'or it is an error');

my $sums = "SELECT campaign_id, sum(spend), sum(shares) FROM ads.campaigns_reports_daily
	WHERE advertiser_id = $small AND $days GROUP BY 1 ORDER BY 1";
my %refuse_shares = (action => { refuse_metric => 'shares' });
my $of_sums = { %report_path, dimensions => ['campaign_id'] };
my $of_days = { %report_path, dimensions => [ 'campaign_id', 'stat_time_day' ] };

# Refused for the sums, not by day: an error, then the days, which lack nothing.
sub refused_for_sums
{
	my ($name, $sql, %refusal) = @_;
	my $fault = { match => $of_sums, %refusal };
	my ($right, $said) = run('off', $sql, $fault);
	my ($out, $err) = run('on', "\\set ON_ERROR_STOP 0\n$sql;\n$sql;\n"
		. "SET tiktok_fdw.enable_aggregate_pushdown = off;\n$sql", $fault);

	like($err, qr/ERROR:  the TikTok API refuses $name for the sums.*HINT:  SET tiktok_fdw.enable_aggregate_pushdown = off/s,
		"$name refused for the sums: an error, and the way out");
	is($out, "$right\n$right", 'the days are read from then on, and are whole');
	is($said . ($err =~ /WARNING/ ? $err : ''), '', 'and nothing is said of them');
}
refused_for_sums('metric "shares"', $sums, %refuse_shares);
refused_for_sums('metric "shares"', "SELECT sum(shares) FROM ads.campaigns_reports_daily
	WHERE advertiser_id = $small AND $days", %refuse_shares);
refused_for_sums('metric "advertiser_name"', "SELECT advertiser_name, sum(clicks) FROM ads.campaigns_reports_daily
	WHERE advertiser_id IN ($small, $large) AND $days GROUP BY 1 ORDER BY 1",
	action => { refuse_metric => 'advertiser_name' });
refused_for_sums('filter "campaign_status"', "SELECT sum(clicks) FROM ads.ads_reports_daily
	WHERE advertiser_id = $small AND $days", action => { refuse_filter => 'campaign_status' });
my ($whole) = run('off', $sums);
($out, $err) = run('on', "\\set ON_ERROR_STOP 0\nSET plan_cache_mode = force_generic_plan;\nPREPARE q AS $sums;\n"
	. "EXECUTE q;\nEXECUTE q", { match => $of_sums, %refuse_shares });
is($out, $whole, 'a prepared statement is planned again');

my $no_value = { match => $of_sums, action => { patch => [ { row => 0, field => 'metrics.shares', value => '-' } ] } };
($out, $err) = run('on', "\\set ON_ERROR_STOP 0\n$sums;\n$sums", $no_value);
like($err, qr/ERROR:  the TikTok API gives no value of metric "shares" for the sums.*HINT:  SET/s,
	'no value where something happened: an error');
is($out, $whole, 'and the days are read from then on');
($out, $err) = run('on', "SELECT sum(spend) FROM ads.campaigns_reports_daily WHERE advertiser_id = $small AND $days",
	{ match => $of_sums, action => { patch => [ { row => 0, field => 'metrics.conversion', value => '-' } ] } });
is($err, '', 'of a metric that is not added up: none');

# refused by day: the sums are not asked for where that is known
($out, $err) = run('on', "SET tiktok_fdw.enable_aggregate_pushdown = off;\n$sums;\n"
	. "SET tiktok_fdw.enable_aggregate_pushdown = on;\n$sums", { match => $of_days, %refuse_shares });
my ($nulls) = run('off', $sums, { match => $of_days, %refuse_shares });
like($nulls, qr/^\d+\|[\d.]+\|$/m, 'refused by day: NULL, and the sums of the others');
is($out, "$nulls\n$nulls", 'and so it is for sums');

# ---- zeros -----------------------------------------------------------------
my @seven = qw(spend impressions clicks conversion real_time_conversion result real_time_result shares);
my ($first) = split(/\|/, $whole);
my $one = "FROM ads.campaigns_reports_daily WHERE advertiser_id = $small AND campaign_id = $first AND $days";
my %zeros = map { $_ => '0' } @seven;
my $nothing = { match => $of_sums, action => { patch => [ map { +{ row => 0, field => "metrics.$_", value => '0' } } @seven ] } };
my $two = $one =~ s/BETWEEN .*/BETWEEN '2026-05-01' AND '2026-06-29'/r;
my $no_day = { match => $of_days, times => 0, action => { data => {} } };
my $a_day = { match => { %$of_days, start_date => '2026-05-31' }, times => 0, action => { data => {
	list => [ { dimensions => { campaign_id => $first, stat_time_day => '2026-06-10 00:00:00' }, metrics => \%zeros } ],
	page_info => { page => 1, page_size => 1000, total_number => 1, total_page => 1 } } } };
foreach my $case ([ 'a day of zeros', '0|0', $a_day, $no_day ], [ 'no day', '|', $no_day ])
{
	my ($what, $added_up, @days) = @$case;

	foreach my $sql ("SELECT sum(shares), sum(spend) $two", "SELECT campaign_id, sum(shares), sum(spend) $two GROUP BY 1")
	{
		my ($right) = run('off', $sql, @days);
		my ($was, $said, $requests) = run('on', $sql, $nothing, @days);

		is($was, $right, "sums of zeros, $what: as the days are added up") or diag($said);
		is($was, $added_up, "sums of zeros, $what: 0 or NULL") unless $sql =~ /GROUP/;
		is($requests, 3, "sums of zeros, $what: asks for the days");
	}
}
my ($many) = run('off', my $each = "SELECT n, sum(shares) FROM (VALUES (1), (2)) v(n), LATERAL (SELECT sum(shares) AS shares $one AND n > 0 OFFSET 0) s GROUP BY 1 ORDER BY 1");
($out) = run('on', $each, $nothing);
is($out, $many, 'zeros of one run: its days');
is((grep { $_->{params}{dimensions} eq '["campaign_id"]' } @{ api_log(qr{report/integrated}) }), 2,
	'a rescan asks for sums again');
my $ads = $two =~ s/campaigns_reports/ads_reports/r;
like((run('on', "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT sum(shares) $ads", $nothing))[0],
	qr/Aggregated by the API: .* each campaign_id\n.*Read by Day: the sums are nothing but zeros\n/, 'EXPLAIN ANALYZE says so');

# ---- too much ------------------------------------------------------------
my $more = 1 + same('in one request', $sums, 1);
cmp_ok(same('too large', $sums, undef, { match => {%report_path}, action => { max_days => 40 } }), '>=', 4,
	'too large: the days are halved until they are not');
cmp_ok(same('time-outs', $sums, undef,
	{ match => {%report_path}, action => { timeout_over => { days => 80, how => '504' } } }), '>=', 3,
	'what times out is asked for in parts');
my $additive = $node->safe_psql('postgres', <<SQL);
SELECT string_agg('sum(' || name || ')', ', ' ORDER BY attnum) FROM (
	SELECT m.name, a.attnum FROM tiktok.report_metrics m JOIN pg_attribute a
		ON attrelid = 'ads.campaigns_reports_daily'::regclass AND attname = m.name
	WHERE additive AND m.name !~ '^(skan|total_day7_retention|total_next_day_open)' ORDER BY 2 LIMIT 130) c
SQL
same('more than 100 metrics', "SELECT campaign_id, $additive FROM ads.campaigns_reports_daily
	WHERE advertiser_id = $small AND $days GROUP BY 1 ORDER BY 1", 2);

# ---- accounts of too many ads --------------------------------------------
my $by = "FROM ads.ads_reports_daily WHERE advertiser_id = $small AND $days";
$node->safe_psql('postgres', q{ALTER SERVER tiktok OPTIONS (SET concurrency '4')});
api_settings(ad_limit => 30);
same('of a cut account, by ad', "SELECT ad_id, sum(clicks) $by GROUP BY 1 ORDER BY 1");
same('of a cut account, by campaign', "SELECT campaign_id, sum(clicks), sum(spend) $by GROUP BY 1 ORDER BY 1");
same('of a cut account', "SELECT sum(clicks), sum(spend) $by");
api_settings(ad_limit => 10);
($out, $err) = run('on', "SELECT campaign_id, sum(clicks) $by GROUP BY 1");
like($err, qr/HINT:  The campaign \d+ alone .* SET tiktok_fdw.enable_aggregate_pushdown = off/,
	'of a cut campaign: the way out');
api_settings(ad_limit => 20000);

# ---- hours that come twice, and none --------------------------------------
api_mutate({ op => 'zone', advertiser_id => $small, timezone => 'America/New_York' });
same('hours on the days of clocks', "SELECT campaign_id, sum(clicks), sum(spend) FROM ads.campaigns_reports_hourly
	WHERE advertiser_id = $small AND stat_time_hour >= '2026-03-07' AND stat_time_hour < '2026-03-10'
	GROUP BY 1 ORDER BY 1", 1);

# ---- a refresh reads days ---------------------------------------------------
$node->safe_psql('postgres', "SET tiktok_fdw.enable_aggregate_pushdown = on;
	SELECT tiktok.materialize('ads.campaigns_reports_daily', 'public.snapshot', since => '2026-06-20')");
is($node->safe_psql('postgres', 'SELECT count(DISTINCT stat_time_day) > 5 FROM snapshot'), 't',
	'a snapshot has days');

is_deeply(api_violations(), [], 'asked as documented');
$node->stop;
done_testing();
