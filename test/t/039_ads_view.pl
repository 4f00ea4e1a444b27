# tiktok.create_ads_view(): one row for each ad, manual or Smart+, is what
# test/api/ads_view.py computes, over foreign tables and over snapshots; and
# conditions on its key reach the API through it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $today = '2026-06-28';
api_start('--today', $today);
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, -import => ['ads']);

sub ask { return $node->safe_psql('postgres', $_[0]); }

# the view's rows against the computed ones
sub compare
{
	my ($what, @more) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/all_ads.csv";
	my @command = ($ENV{PYTHON} // 'python3', "$FindBin::Bin/../api/ads_view.py", '--today', $today,
		'--scale', 'small', @more);

	open(my $out, '-|', @command) or die "ads_view.py: $!";
	open(my $csv, '>', $file) or die "$file: $!";
	print $csv $_ while <$out>;
	close($csv);
	close($out) or die 'ads_view.py failed';
	my ($rows, $smart, $missing, $extra) = split(/\|/, ask(<<SQL));
SET client_min_messages = error;
CREATE TEMP TABLE e (LIKE ads.all_ads);
\\copy e FROM '$file' CSV
CREATE TEMP TABLE g AS SELECT * FROM ads.all_ads;
SELECT (SELECT count(*) FROM e), (SELECT count(*) FROM e WHERE smart_plus),
	(SELECT count(*) FROM (SELECT e::text FROM e EXCEPT ALL SELECT g::text FROM g) x),
	(SELECT count(*) FROM (SELECT g::text FROM g EXCEPT ALL SELECT e::text FROM e) x)
SQL
	cmp_ok($smart, '>', 100, "$what: $rows rows, $smart of them Smart+ ads");
	is("$missing missing, $extra extra", '0 missing, 0 extra', "$what: as computed");
	return;
}

# ---- what is missing is said, with what makes it -------------------------------

my (undef, undef, $said) = $node->psql('postgres', q{SELECT tiktok.create_ads_view('nowhere')});
like($said, qr/ERROR:  schema "nowhere" does not exist/, 'no such schema');
(undef, undef, $said) = $node->psql('postgres', q{SELECT tiktok.create_ads_view('ads')});
like($said, qr/ERROR:  there is no foreign table of smart_plus_ads in schema "ads"/, 'a table is missing');
my ($hint) = $said =~ /HINT:  Make it: (.*;)/;
is($hint, 'IMPORT FOREIGN SCHEMA tiktok LIMIT TO (smart_plus_ads) FROM SERVER tiktok INTO ads;', 'what makes it');
ask($hint);
is(ask(q{SELECT tiktok.create_ads_view('ads')}), 'ads.all_ads', 'and then the view is made');

# ---- its rows --------------------------------------------------------------------

compare('foreign tables');
is(ask('SELECT count(*) = count(DISTINCT (advertiser_id, ad_id)) FROM ads.all_ads'), 't', 'an ad is one row');
is(ask('SELECT sum(cardinality(creative_ids)) + count(*) FILTER (WHERE NOT smart_plus) = (SELECT count(*) FROM ads.ads)
	FROM ads.all_ads'), 't', 'and no row of ads is lost');
is_deeply(api_violations(), [], 'asked as documented');

# reports by ad_id_v2 have the same ads
ask('IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_v2_reports_daily) FROM SERVER tiktok INTO ads');
is(ask(q{SELECT count(*) > 100, count(*) FILTER (WHERE a.smart_plus) > 0, count(*) FILTER (WHERE a.ad_id IS NULL),
	count(*) FILTER (WHERE r.ad_name <> a.ad_name)
	FROM (SELECT advertiser_id, ad_id_v2, ad_name FROM ads.ads_v2_reports_daily WHERE stat_time_day = '2026-06-20') AS r
	LEFT JOIN ads.all_ads AS a ON (a.advertiser_id, a.ad_id) = (r.advertiser_id, r.ad_id_v2)}),
	't|t|0|0', 'each ad of a report by ad_id_v2 is there, with its name');

# ---- conditions reach the API ------------------------------------------------------

my ($account, $campaign) = split(/\|/, ask('SELECT advertiser_id, min(campaign_id) FROM ads.all_ads
	WHERE smart_plus AND advertiser_id = 7030219640413208578 GROUP BY 1'));
foreach my $condition ("advertiser_id = $account AND campaign_id = $campaign",
	"advertiser_id IN ($account) AND campaign_id IN ($campaign, 1)")
{
	api_reset();
	my $rows = ask("SELECT count(*), bool_and(smart_plus), count(texts[1]) FROM ads.all_ads WHERE $condition");
	like($rows, qr/^5\|t\|/, "$condition: its ads");
	my @log = @{ api_log() };
	is(join(' ', sort map { $_->{path} } @log),
		'ad/get ad/get smart_plus/ad/get', 'both lists are asked, ads once more for TopView');
	is(scalar(grep { $_->{params}{advertiser_id} ne $account } @log), 0, 'of this account only');
	is(scalar(grep { $_->{params}{filtering} !~ /"campaign_ids":\["(1","|$campaign)/ } @log), 0, 'of this campaign');
}
unlike(ask("EXPLAIN SELECT * FROM ads.all_ads WHERE advertiser_id = $account"), qr/Subquery Scan.*\n.*Filter/,
	'nothing is filtered above the aggregate');

# ---- Smart+ ads that only creatives tell of ------------------------------------------

ask(q{ALTER FOREIGN TABLE ads.smart_plus_ads OPTIONS (ADD advertiser_ids '7088160322559787010')});
ask('SET client_min_messages = error');
compare('creatives only', '--unlisted', '7030219640413208578,7160093331570884610,7219930054437175298');
ask('ALTER FOREIGN TABLE ads.smart_plus_ads OPTIONS (DROP advertiser_ids)');

# ---- over snapshots --------------------------------------------------------------------

ask('CREATE SCHEMA mart');
(undef, undef, $said) = $node->psql('postgres', q{SELECT tiktok.create_ads_view('ads', 'mart')});
like($said, qr/ERROR:  there is no snapshot of ads in schema "mart"\nHINT:  Create it: SELECT tiktok.create_snapshot\('ads.ads', 'mart.ads'\);/,
	'a snapshot is missing');
ask("SELECT * FROM tiktok.materialize('ads.$_', 'mart.$_')") foreach qw(ads smart_plus_ads);
is(ask(q{SELECT tiktok.create_ads_view('ads', 'mart')}), 'ads.all_ads', 'the view is replaced');
api_reset();
compare('snapshots');
is(scalar(@{ api_log() }), 0, 'which asks nothing');
my $gone = ask('SELECT ad_id FROM ads.all_ads WHERE NOT smart_plus ORDER BY ad_id DESC LIMIT 1');
api_mutate([ { op => 'vanish', advertiser_id => ask("SELECT advertiser_id FROM ads.all_ads WHERE ad_id = $gone"),
	kind => 'ad', id => $gone } ]);
ask("CALL tiktok.refresh('mart.ads')");
is(ask("SELECT count(*) FILTER (WHERE _deleted_at IS NOT NULL), (SELECT count(*) FROM ads.all_ads WHERE ad_id = $gone)
	FROM mart.ads WHERE ad_id = $gone"), '1|0', 'an ad that is gone is not shown');

# ---- the report view by country takes the stream, not only a report of one's own ------------

ask('IMPORT FOREIGN SCHEMA tiktok LIMIT TO (advertisers, campaigns, campaigns_reports_by_country_daily)
	FROM SERVER tiktok INTO ads; CREATE SCHEMA views');
ask("SELECT * FROM tiktok.materialize('ads.$_', 'mart.$_')") foreach qw(advertisers campaigns);
ask(q{SELECT * FROM tiktok.materialize('ads.campaigns_reports_by_country_daily', 'mart.by_country', since => '2026-06-20')});
is(ask(q{SET client_min_messages = error; SELECT tiktok.create_report_views('views', 'mart')}),
	'views.tiktok_ads__campaign_country_report', 'the view that has its snapshots');
is(ask(q{SELECT (SELECT sum(spend) FROM views.tiktok_ads__campaign_country_report) = sum(spend) AND count(*) > 100
	FROM mart.by_country}), 't', 'it shows them');

# ---- what the manual shows ---------------------------------------------------------------------

ask('ALTER SCHEMA ads RENAME TO before; CREATE SCHEMA ads;
	IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads, ads_audience_reports_by_province_daily) FROM SERVER tiktok INTO ads');
foreach my $block (slurp_file("$FindBin::Bin/../../doc/ads.md") =~ /^<!-- run -->\n```sql\n(.*?)^```/gms)
{
	my ($first) = $block =~ /^SELECT (.*)/m;
	my ($rc, $rows, $err) = $node->psql('postgres', $block);

	is($rc, 0, "doc/ads.md: runs: $first") or diag($err);
	like($rows, qr/\n.*\n/, 'and shows rows');
	like($rows, qr/^(German|English)\|/m, 'languages have names') if $block =~ /languages/;
	like($rows, qr/^Germany\|(Berlin|Bavaria)\|/m, 'provinces have names') if $block =~ /locations/;
	like($rows, qr/^(Games|Travel|Beauty)\|/m, 'interests have names') if $block =~ /by_interest/;
}

$node->stop;
done_testing();
