
# The currency of audience tables, which their reports do not carry: from
# advertiser/info, once a scan, and only where the column is used.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $api = api_start();
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, -import => [ 'advertisers', 'ads_audience_reports_by_country_daily',
		'advertisers_audience_reports_daily', 'advertisers_audience_reports_lifetime' ]);
$node->safe_psql('postgres', q{
	CREATE FOREIGN TABLE ads.own (advertiser_id bigint NOT NULL, campaign_id bigint, platform text,
		spend numeric, unit text OPTIONS (path 'metrics.currency'))
	SERVER tiktok OPTIONS (stream 'report', report_type 'AUDIENCE', data_level 'AUCTION_CAMPAIGN',
		dimensions 'campaign_id,platform')});

my ($one, $two) = ('7002238017842757633', '7030219640413208578');
my $days = "stat_time_day BETWEEN '2026-06-01' AND '2026-06-20'";
my $table = 'ads.ads_audience_reports_by_country_daily';

# Runs a statement: its rows, what else was said, requests to advertiser/info.
sub run_sql
{
	my ($sql, %more) = @_;

	api_reset();
	api_faults($more{faults}) if $more{faults};
	my (undef, $out, $said) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return ($out, $said, scalar @{ api_log(qr{advertiser/info}) });
}

my ($out, $said, $asked);
my $right = $node->safe_psql('postgres', "SELECT advertiser_id, currency FROM ads.advertisers
	WHERE advertiser_id IN ($one, $two) ORDER BY 1");

($out, $said, $asked) = run_sql("SELECT DISTINCT advertiser_id, currency FROM $table
	WHERE advertiser_id IN ($one, $two) AND $days ORDER BY 1");
is($out, $right, 'each row has the currency of its account');
is($asked, 1, 'asked for once');
is_deeply([ grep { ($_->{params}{metrics} // '') =~ /currency/ } @{ api_log(qr{report}) } ], [], 'and never as a metric');

($out, $said, $asked) = run_sql("SELECT DISTINCT advertiser_id, unit FROM ads.own
	WHERE advertiser_id IN ($one, $two) ORDER BY 1");
is($out, $right, 'so has a report of one\'s own');

($out, $said, $asked) = run_sql("SELECT sum(spend) > 0 FROM $table WHERE advertiser_id = $one AND $days");
is("$out $asked", 't 0', 'nothing is asked where nobody wants to know');
($out, $said, $asked) = run_sql("SELECT count(*) > 0 FROM $table WHERE advertiser_id = $one AND $days");
is("$out $asked", 't 0', 'nor to count');
($out, $said, $asked) = run_sql("SELECT currency FROM $table WHERE advertiser_id = $one AND $days LIMIT 2");
is("$out $asked", "USD\nUSD 1", 'LIMIT');
($out, $said, $asked) = run_sql("SELECT count(*) FROM $table WHERE advertiser_id = $one AND $days AND currency <> 'USD'");
is("$out $asked", '0 1', 'a condition is checked here');
($out, $said, $asked) = run_sql("SELECT count(*) FROM $table WHERE advertiser_id = $one AND $days AND false");
is("$out $asked", '0 0', 'nothing to read, nothing to ask');

($out, $said, $asked) = run_sql("SET enable_hashjoin = off; SET enable_mergejoin = off;
	SELECT string_agg(a.currency, ' ' ORDER BY v.n) FROM (VALUES (1, $one), (2, $two), (3, $one)) AS v (n, id)
	CROSS JOIN LATERAL (SELECT currency FROM $table WHERE advertiser_id = v.id AND $days OFFSET 0 LIMIT 1) AS a");
is($out, 'USD EUR USD', 'rescans');
is($asked, 2, 'ask for accounts that they did not have before');

($out, $said) = run_sql("EXPLAIN (VERBOSE, COSTS OFF) SELECT currency FROM $table WHERE advertiser_id = $one AND $days");
like($out, qr{Currency: of the accounts, from advertiser/info/}, 'EXPLAIN shows it');

# ---- snapshots, ANALYZE -----------------------------------------------------
($out, $said, $asked) = run_sql(qq{CREATE SCHEMA mart;
	ALTER SERVER tiktok OPTIONS (ADD advertiser_ids '$one,$two');
	SELECT inserted > 0 FROM tiktok.materialize('ads.advertisers_audience_reports_daily', 'mart.audience', since => '2026-06-01');
	SELECT DISTINCT advertiser_id, currency FROM mart.audience ORDER BY 1});
is($out, "t\n$right", 'a snapshot has it');
my $info = { match => { path => 'advertiser/info' }, times => 0,
	action => { code => 40001, message => 'No permission to operate advertiser' } };
($out, $said) = run_sql("CALL tiktok.refresh('mart.audience')", faults => [$info]);
like($said, qr/No permission to operate advertiser/, 'a refresh that is refused says so');
($out, $said) = run_sql("SELECT count(*) FROM mart.audience WHERE currency IS NULL");
is($out, '0', 'and blanks no column');
($out, $said, $asked) = run_sql("ANALYZE ads.advertisers_audience_reports_lifetime;
	SELECT null_frac FROM pg_stats WHERE tablename = 'advertisers_audience_reports_lifetime' AND attname = 'currency'");
is("$out $asked", '0 1', 'ANALYZE asks for it, too');

($out, $said) = run_sql("SELECT currency FROM $table WHERE advertiser_id IN ($one, $two) AND $days",
	faults => [ { match => { path => 'advertiser/info' }, action => { drop_row => 0 } } ]);
like("$out$said", qr/HV000: incomplete reply from the TikTok API: it tells of 1 of 2 accounts/, 'an account that is missing there is not taken for one without currency');

# ---- nobody tells ------------------------------------------------------------
($out, $said) = run_sql("SELECT count(*) > 0, count(currency) FROM $table WHERE advertiser_id = $one AND $days", faults => [$info]);
is($out, 't|0', 'refused: the rows are there, their currency is NULL');
like($said, qr/WARNING:.*\n?.*$one/, 'with a warning');

$node->safe_psql('postgres', "CREATE SERVER sand FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url '"
	  . (api_url() =~ s{/open_api}{/sandbox/open_api}r) . "', environment 'sandbox', advertiser_ids '$one', rate_limit '1000');
	CREATE USER MAPPING FOR CURRENT_USER SERVER sand OPTIONS (access_token '$TOKEN');
	CREATE SCHEMA sand;
	IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_audience_reports_by_country_daily) FROM SERVER sand INTO sand");
($out, $said, $asked) = run_sql("SELECT count(currency) FROM sand.ads_audience_reports_by_country_daily WHERE $days");
is("$out $asked", '0 0', 'the sandbox does not tell, and is not asked');
is(scalar(() = $said =~ /sandbox does not tell the currency/g), 1, 'which is said once');
is_deeply(api_violations(), [], 'asked as documented');

done_testing();
