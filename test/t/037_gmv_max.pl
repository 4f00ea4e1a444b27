# GMV Max: the stores of accounts, and reports that name one store a request. Rows are those
# that test/api/expected.py computes without HTTP.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use JSON::PP;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;

# Snapshots go by the clock, so the API has to as well; not across midnight.
plan skip_all => 'it is almost midnight in UTC' if strftime('%H:%M', gmtime) =~ /^23:5/;

sub day { return strftime('%Y-%m-%d', gmtime(time() - $_[0] * 86400)); }

my ($today, $from, $to) = (day(0), day(36), day(1));
my ($first, $second, $large) = qw(7002238017842757633 7030219640413208578 7088160322559787010);
my $api = api_start('--today', $today);
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, page_size => 300, -import_options => { streams => 'all' });
my $expected = "$FindBin::Bin/../api/expected.py";

sub ask { return $node->safe_psql('postgres', $_[0]); }

sub fails
{
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$_[0]", on_error_stop => 0);
	return $err;
}

# A table of what a stream must hold: e_STREAM.
sub expect
{
	my ($stream, @options) = @_;
	my $columns = ask("SELECT string_agg(name || ':' || type, ',' ORDER BY ordinal) FROM tiktok.stream_columns WHERE stream = '$stream'");
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$stream.csv";

	system_or_bail('sh', '-c', 'exec "$0" "$@" >"' . $file . '"', $ENV{PYTHON} // 'python3', $expected,
		'--stream', $stream, '--columns', $columns, '--today', $today, '--scale', 'small', @options);
	ask("DROP TABLE IF EXISTS e_$stream; CREATE TABLE e_$stream (LIKE ads.$stream);");
	$node->safe_psql('postgres', "\\copy e_$stream FROM '$file' CSV HEADER");
	return;
}

# whether there are rows, how many are missing, how many there are beside them
sub compare
{
	my ($stream, $where, $query) = @_;

	$query //= "SELECT * FROM ads.$stream WHERE $where";
	return ask(<<SQL);
CREATE TEMP TABLE g AS $query;
CREATE TEMP TABLE x AS SELECT * FROM e_$stream WHERE $where;
SELECT (SELECT count(*) FROM x) > 0,
	(SELECT count(*) FROM (SELECT x::text FROM x EXCEPT ALL SELECT g::text FROM g) a),
	(SELECT count(*) FROM (SELECT g::text FROM g EXCEPT ALL SELECT x::text FROM x) b)
SQL
}

sub reports { return grep { $_->{path} eq 'gmv_max/report/get' } @{ api_log() }; }
sub store { return decode_json($_[0]{params}{store_ids})->[0]; }
sub filtering { return decode_json($_[0]{params}{filtering}); }

expect($_) foreach qw(gmv_max_stores gmv_max_campaigns);
expect($_, '--from', $from, '--to', $to)
  foreach qw(gmv_max_product_reports_daily gmv_max_live_reports_daily
  gmv_max_item_group_reports_daily gmv_max_creative_reports_daily);
expect('gmv_max_creative_reports');

my $days = "stat_time_day BETWEEN '$from' AND '$to'";

# ---- lists --------------------------------------------------------------------

is(compare('gmv_max_stores', 'true'), 't|0|0', 'the stores of all accounts');
is(compare('gmv_max_campaigns', 'true'), 't|0|0', 'campaigns of both kinds, deleted ones too');
cmp_ok(scalar(grep { $_->{path} eq 'gmv_max/campaign/get' && $_->{page} > 1 } @{ api_log() }),
	'>', 0, 'in several pages');
my $one = 'campaign_id = ' . ask('SELECT max(campaign_id) FROM e_gmv_max_campaigns');
is(compare('gmv_max_campaigns', $one), 't|0|0', 'a campaign by its id');

# no row tells of which kind it is: the column shows what was asked for
sub kinds { return join(' ', sort map { @{ filtering($_)->{gmv_max_promotion_types} } } grep { $_->{path} eq 'gmv_max/campaign/get' } @{ api_log() }); }

my $an_account = 'advertiser_id = ' . ask("SELECT min(advertiser_id) FROM e_gmv_max_campaigns WHERE gmv_max_promotion_type = 'LIVE_GMV_MAX'");
foreach my $case (
	[ "gmv_max_promotion_type = 'LIVE_GMV_MAX'", 'LIVE_GMV_MAX', 't' ],
	[ "gmv_max_promotion_type IN ('PRODUCT_GMV_MAX', 'OTHER')", 'PRODUCT_GMV_MAX', 't' ],
	[ "gmv_max_promotion_type = ANY ('{LIVE_GMV_MAX,PRODUCT_GMV_MAX}')", 'LIVE_GMV_MAX PRODUCT_GMV_MAX', 't' ],
	[ "gmv_max_promotion_type = (SELECT 'LIVE' || '_GMV_MAX')", 'LIVE_GMV_MAX', 't' ],
	[ "gmv_max_promotion_type <> 'LIVE_GMV_MAX'", 'LIVE_GMV_MAX PRODUCT_GMV_MAX', 't' ],
	[ "gmv_max_promotion_type LIKE 'LIVE%'", 'LIVE_GMV_MAX PRODUCT_GMV_MAX', 't' ],
	[ "lower(gmv_max_promotion_type) = 'live_gmv_max'", 'LIVE_GMV_MAX PRODUCT_GMV_MAX', 't' ],
	[ "gmv_max_promotion_type = 'OTHER'", '', 'f' ],
	[ "gmv_max_promotion_type = 'LIVE_GMV_MAX' AND gmv_max_promotion_type = 'PRODUCT_GMV_MAX'", '', 'f' ])
{
	my ($where, $asked, $some) = @$case;

	api_reset();
	is(compare('gmv_max_campaigns', "$an_account AND $where"), "$some|0|0", $where);
	is(kinds(), $asked, "$where: asks for '$asked'");
}
is(ask("SET tiktok_fdw.enable_pushdown = off; SELECT count(*) > 0 FROM ads.gmv_max_campaigns WHERE $an_account AND gmv_max_promotion_type = 'LIVE_GMV_MAX'"),
	't', 'not pushed down');
is(ask("SELECT count(*) FROM ads.gmv_max_campaigns WHERE gmv_max_promotion_type = 'LIVE_GMV_MAX'"),
	ask("SELECT count(*) FROM e_gmv_max_campaigns WHERE gmv_max_promotion_type = 'LIVE_GMV_MAX'"), 'counted');
is(ask("SELECT array_agg(DISTINCT gmv_max_promotion_type ORDER BY gmv_max_promotion_type) FROM ads.gmv_max_campaigns"),
	'{LIVE_GMV_MAX,PRODUCT_GMV_MAX}', 'the column alone');
api_reset();
is(ask("CREATE SCHEMA kinds; SELECT inserted FROM tiktok.materialize('ads.gmv_max_campaigns', 'kinds.campaigns')"),
	ask('SELECT count(*) FROM e_gmv_max_campaigns'), 'a snapshot');
is(ask('SELECT gmv_max_promotion_type, count(*) FROM kinds.campaigns GROUP BY 1 ORDER BY 1'),
	ask('SELECT gmv_max_promotion_type, count(*) FROM e_gmv_max_campaigns GROUP BY 1 ORDER BY 1'), 'has the column');
api_faults([ { match => { path => 'gmv_max/campaign/get' }, times => 0, action => { ignore => ['filtering.gmv_max_promotion_types'] } } ]);
like(($node->psql('postgres', "SELECT count(*) FROM (SELECT campaign_name FROM ads.gmv_max_campaigns WHERE $an_account) c"))[2],
	qr/ERROR: .*seems to ignore parameter "gmv_max_promotion_types"/, 'an API that ignores the kind is found out');
api_faults([]);

# ---- reports by day -------------------------------------------------------------

api_reset();
is(compare('gmv_max_product_reports_daily', $days), 't|0|0', 'products: all stores of all accounts');
my @asked = reports();
my %stores = map { store($_) => 1 } @asked;
is(scalar(keys %stores), ask('SELECT count(*) FROM e_gmv_max_stores WHERE is_gmv_max_available'),
	'each store that is available is asked for');
is_deeply([ grep { @{ decode_json($_->{params}{store_ids}) } != 1 } @asked ], [], 'one a request');
is_deeply([ grep { filtering($_)->{gmv_max_promotion_types}[0] ne 'PRODUCT'
		  || filtering($_)->{campaign_statuses}[0] ne 'STATUS_ALL' } @asked ], [],
	'of one kind, deleted campaigns too');
cmp_ok(scalar(grep { $_->{page} > 1 } @asked), '>', 2, 'in several pages');
is(scalar(grep { $_->{path} eq 'gmv_max/store/list' } @{ api_log() }),
	ask('SELECT count(*) FROM ads.advertiser_ids'), 'stores are looked up once for each account');
is(compare('gmv_max_live_reports_daily', $days), 't|0|0', 'LIVE');
is( ask('SELECT sum("10_second_live_views") = (SELECT sum("10_second_live_views") FROM e_gmv_max_live_reports_daily '
	  . "WHERE advertiser_id = $first) FROM ads.gmv_max_live_reports_daily WHERE advertiser_id = $first AND $days"),
	't', 'a column whose name begins with a digit');
is( ask("SELECT count(*) = (SELECT count(*) FROM e_gmv_max_live_reports_daily) FROM ads.gmv_max_live_reports_daily WHERE $days"),
	't', 'counted by totals');
is(ask("SELECT count(currency) = count(*) AND min(currency) = 'USD' FROM ads.gmv_max_live_reports_daily WHERE advertiser_id = $first AND $days"),
	't', 'the currency comes unasked');
is(ask("SELECT string_agg(DISTINCT rate_limit::text, ',') FROM tiktok.stat_requests WHERE endpoint = 'gmv_max/report/get/'"),
	'4', 'the endpoint has a budget of its own');

# ---- which stores ----------------------------------------------------------------

my ($mine, $other) = split /\|/, ask("SELECT min(store_id), max(store_id) FROM e_gmv_max_stores WHERE advertiser_id = $large");
api_reset();
is(compare('gmv_max_product_reports_daily', "store_id = $other AND $days"), 't|0|0', 'one store, account not named');
is_deeply([ sort keys %{ { map { $_->{params}{advertiser_id} . ' ' . store($_) => 1 } reports() } } ],
	["$large $other"], 'only the account that has it is asked');
api_reset();
is(compare('gmv_max_live_reports_daily', "store_id IN (1, $mine, $other) AND $days"), 't|0|0', 'some stores');
is(compare('gmv_max_live_reports_daily', "advertiser_id = $first AND $days",
	"SELECT r.* FROM ads.gmv_max_stores s JOIN ads.gmv_max_live_reports_daily r USING (advertiser_id, store_id)
	 WHERE advertiser_id = $first AND $days"), 't|0|0', 'stores of a join');
my $closed = ask('SELECT min(store_id) FROM e_gmv_max_stores WHERE NOT is_gmv_max_available');
api_reset();
is(ask("SELECT count(*) FROM ads.gmv_max_product_reports_daily WHERE store_id = $closed AND $days"), '0',
	'a store that is not available has no rows');
is(scalar(reports()), 0, 'and is not asked for');
is_deeply(api_violations(), [], 'asked as documented');

# ---- products and creatives --------------------------------------------------------

my $account = "advertiser_id IN ($first, $second)";
my $campaigns = "campaign_id = ANY (ARRAY(SELECT campaign_id FROM e_gmv_max_campaigns WHERE $account))";
is(compare('gmv_max_item_group_reports_daily', "$account AND $days",
	"SELECT * FROM ads.gmv_max_item_group_reports_daily WHERE $account AND $campaigns AND $days"),
	't|0|0', 'products of campaigns');
my $recent = "stat_time_day >= '" . day(2) . "'";
api_reset();
is(compare('gmv_max_item_group_reports_daily', "advertiser_id = $large AND $recent AND stat_time_day <= '$to'",
	"SELECT i.* FROM ads.gmv_max_item_group_reports_daily i WHERE advertiser_id = $large AND $recent AND stat_time_day <= '$to'
	 AND campaign_id = ANY (ARRAY(SELECT campaign_id FROM e_gmv_max_campaigns WHERE advertiser_id = $large))"),
	't|0|0', 'more campaigns than a request takes');
is_deeply([ grep { @{ filtering($_)->{campaign_ids} } > 100 } reports() ], [], 'by hundreds');
my $groups = "item_group_id = ANY (ARRAY(SELECT item_group_id FROM e_gmv_max_item_group_reports_daily WHERE $account))";
is(compare('gmv_max_creative_reports_daily', "$account AND $days",
	"SELECT * FROM ads.gmv_max_creative_reports_daily WHERE $account AND $campaigns AND $groups AND $days"),
	't|0|0', 'creatives by day, where they cost something');
is(compare('gmv_max_creative_reports', "$account AND campaign_id IN (SELECT campaign_id FROM e_gmv_max_item_group_reports_daily)",
	"SELECT * FROM ads.gmv_max_creative_reports WHERE $account AND campaign_id = ANY (ARRAY(SELECT campaign_id FROM e_gmv_max_item_group_reports_daily WHERE $account)) AND $groups"),
	't|0|0', 'creatives of a year');
is(ask("SELECT count(*) > 0 FROM e_gmv_max_creative_reports WHERE item_id = -1"), 't', 'product cards too');
is(compare('gmv_max_item_group_reports_daily', "advertiser_id = $second AND $days",
	"SELECT i.* FROM ads.gmv_max_campaigns c JOIN ads.gmv_max_item_group_reports_daily i USING (advertiser_id, campaign_id)
	 WHERE advertiser_id = $second AND $days"), 't|0|0', 'campaigns of a join');
is_deeply(api_violations(), [], 'asked as documented');
like(fails("SELECT cost FROM ads.gmv_max_creative_reports_daily WHERE $days AND campaign_id = 5"),
	qr/HV00L.*needs a value of "item_group_id".*HINT:  Add a condition such as WHERE item_group_id = /s,
	'what is missing is said');

# ---- deleted campaigns ---------------------------------------------------------------

ask("ALTER FOREIGN TABLE ads.gmv_max_$_ OPTIONS (include_deleted 'false')") foreach qw(campaigns product_reports_daily);
expect('gmv_max_campaigns', '--include-deleted', 'false');
expect('gmv_max_product_reports_daily', '--include-deleted', 'false', '--from', $from, '--to', $to);
is(compare('gmv_max_campaigns', "advertiser_id = $large"), 't|0|0', 'campaigns without deleted ones');
is(compare('gmv_max_product_reports_daily', "$account AND $days"), 't|0|0', 'reports, too');
ask("ALTER FOREIGN TABLE ads.gmv_max_$_ OPTIONS (DROP include_deleted)") foreach qw(campaigns product_reports_daily);

# ---- what the API refuses, or does not do ------------------------------------------------

my $live = "SELECT count(live_views), count(cost) > 0 FROM ads.gmv_max_live_reports_daily WHERE advertiser_id = $first AND $days";
api_faults([ { match => { path => 'gmv_max/report/get' }, times => 0, action => { refuse_metric => 'live_views' } } ]);
my ($rc, $out, $err) = $node->psql('postgres', $live);
is($out, '0|t', 'a metric that is refused is NULL');
like($err, qr/WARNING:  the TikTok API refuses metric "live_views"/, 'with a warning');
api_faults([ { match => { path => 'gmv_max/report/get' }, times => 0, action => { ignore => ['store_ids'] } } ]);
like(fails("SELECT cost FROM ads.gmv_max_product_reports_daily WHERE advertiser_id = $large AND $days"),
	qr/HV000.*seems to ignore parameter "store_ids"/, 'the same rows of two stores');
api_faults([]);
api_mutate([ { op => 'revoke_endpoint', endpoint => 'gmv_max/store/list', advertiser_id => $second } ]);
like(fails("SELECT cost FROM ads.gmv_max_live_reports_daily WHERE $account AND $days"),
	qr/42501.*gmv_max\/store\/list/s, 'an account whose stores cannot be looked up');
api_mutate([ { op => 'grant_endpoint', endpoint => 'gmv_max/store/list', advertiser_id => $second },
	{ op => 'delete_account', advertiser_id => $second } ]);
ask("ALTER SERVER tiktok OPTIONS (ADD on_advertiser_error 'skip')");
($rc, $out, $err) = $node->psql('postgres', "SELECT count(DISTINCT advertiser_id) FROM ads.gmv_max_live_reports_daily WHERE $account AND $days");
is($out, '1', 'an account that is gone is skipped if it may be');
like($err, qr/WARNING.*$second/s, 'with a warning');
ask("ALTER SERVER tiktok OPTIONS (DROP on_advertiser_error)");
api_reset(data => 1);

# ---- a snapshot ---------------------------------------------------------------------------

expect('gmv_max_product_reports_daily', '--from', day(12), '--to', day(-1));
ask("ALTER FOREIGN TABLE ads.gmv_max_product_reports_daily OPTIONS (ADD advertiser_ids '$first,$second');
	CREATE SCHEMA mart");
my $kept = 'SELECT advertiser_id, store_id, campaign_id, stat_time_day, cost, net_cost, orders, cost_per_order, gross_revenue, roi FROM';
my $differ = sub {
	return ask("SELECT (SELECT count(*) FROM ($kept e_gmv_max_product_reports_daily WHERE $account EXCEPT ALL $kept mart.gmv) a),
		(SELECT count(*) FROM ($kept mart.gmv EXCEPT ALL $kept e_gmv_max_product_reports_daily WHERE $account) b)");
};
like(ask("SELECT inserted > 0, updated, deleted, unchanged FROM tiktok.materialize('ads.gmv_max_product_reports_daily', 'mart.gmv',
	since => current_date - 12, attribution_window => 3)"), qr/^t\|0\|0\|0$/, 'a snapshot');
is($differ->(), '0|0', 'has the rows of all stores');
is(ask("SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute JOIN pg_index ON indrelid = attrelid AND indisprimary
	AND attnum = ANY (indkey) WHERE attrelid = 'mart.gmv'::regclass"), 'advertiser_id,store_id,campaign_id,stat_time_day',
	'by account, store, campaign and day');
my $change = [ { op => 'restate', advertiser_id => $first, from => day(2), to => day(1), percent => 150 } ];
my $mutations = "$PostgreSQL::Test::Utils::tmp_check/mutations.json";
append_to_file($mutations, encode_json($change));
api_mutate($change);
api_reset();
is(ask("SELECT inserted, updated > 0, deleted, unchanged > 0 FROM tiktok.materialize('ads.gmv_max_product_reports_daily', 'mart.gmv')"),
	'0|t|0|t', 'refreshed');
expect('gmv_max_product_reports_daily', '--from', day(12), '--to', day(-1), '--mutations', $mutations);
is($differ->(), '0|0', 'it has what changed');
is_deeply([ grep { $_->{params}{start_date} lt day(4) } reports() ], [], 'settled days are not asked for');
is_deeply(api_violations(), [], 'asked as documented');

$node->stop;
done_testing();
