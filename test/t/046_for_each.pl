# Snapshots of what the API tells only for values that it is given: a query lists them. Rows are
# those that test/api/expected.py computes, or, where another test has compared them with such,
# those of a SELECT.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;

# Snapshots go by the clock, so the API has to as well; not across midnight.
plan skip_all => 'it is almost midnight in UTC' if strftime('%H:%M', gmtime) =~ /^23:5/;

sub day { return strftime('%Y-%m-%d', gmtime(time() - $_[0] * 86400)); }

my ($today, $from, $to, $yesterday) = (day(0), day(36), day(-1), day(1));
my ($first, $second, $large) = qw(7002238017842757633 7030219640413208578 7088160322559787010);
my $api = api_start('--today', $today);
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, page_size => 300, -import_options => { streams => 'all' });

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

	system_or_bail('sh', '-c', 'exec "$0" "$@" >"' . $file . '"', $ENV{PYTHON} // 'python3', "$FindBin::Bin/../api/expected.py",
		'--stream', $stream, '--columns', $columns, '--today', $today, '--scale', 'small', @options);
	ask("CREATE TABLE e_$stream (LIKE ads.$stream);");
	$node->safe_psql('postgres', "\\copy e_$stream FROM '$file' CSV HEADER");
	return;
}

# whether a target has rows, how many it lacks of a query, how many it has beside them
sub compare
{
	my ($target, $query) = @_;

	return ask(<<SQL);
CREATE TEMP TABLE x AS $query;
CREATE TEMP TABLE g AS SELECT * FROM mart.$target;
ALTER TABLE g DROP COLUMN _synced_at, DROP COLUMN IF EXISTS _deleted_at;
SELECT (SELECT count(*) FROM g) > 0,
	(SELECT count(*) FROM (SELECT x::text FROM x EXCEPT ALL SELECT g::text FROM g) a),
	(SELECT count(*) FROM (SELECT g::text FROM g EXCEPT ALL SELECT x::text FROM x) b)
SQL
}

# inserted, updated, deleted, unchanged
sub materialize
{
	my ($stream, $target, $arguments) = @_;

	return ask("SELECT concat_ws(' ', inserted, updated, deleted, unchanged) FROM tiktok.materialize('ads.$stream', 'mart.$target'$arguments)");
}

sub requests { my ($path) = @_; return grep { $_->{path} eq $path } @{ api_log() }; }

ask('CREATE SCHEMA mart');
expect('gmv_max_campaigns');
expect($_, '--from', $from, '--to', $to) foreach qw(gmv_max_item_group_reports_daily gmv_max_creative_reports_daily);
expect('gmv_max_creative_reports');

# ---- what is wrong is said before anything is asked ------------------------------------

api_reset();
my $snapshot = "SELECT tiktok.create_snapshot('ads.gmv_max_creative_reports_daily', 'mart.wrong', since => '$from'";
foreach my $case (
	[ ')', qr/HV00L: a snapshot of ads.gmv_max_creative_reports_daily needs a list of what to ask for: campaign_id, item_group_id.*HINT: .*for_each => 'SELECT campaign_id, item_group_id FROM/s ],
	[ ", for_each => 'SELECT 1::bigint AS campaign_id')", qr/42703: .* does not give item_group_id.*HINT: .*campaign_id, item_group_id/s ],
	[ ", for_each => 'SELECT 1 AS campaign_id, 2 AS item_group_id, 3 AS cost')", qr/42703: .* gives a column "cost"/ ],
	[ ", for_each => 'SELECT 1 AS campaign_id, 2 AS campaign_id')", qr/42701: the query for_each .* specified more than once/ ],
	[ ", for_each => 'SELEC')", qr/42601: the query for_each of a snapshot of ads.gmv_max_creative_reports_daily: syntax error/ ],
	[ ", for_each => '')", qr/42601: the query for_each/ ],
	[ ", for_each => 'SELECT')", qr/gives no column|does not give campaign_id/ ],
	[ ", for_each => 'SELECT campaign_id, item_group_id FROM e_gmv_max_item_group_reports_daily')", qr/42P01: the query for_each .*HINT: .* have their schemas/s ],
	[ ", for_each => 'WITH d AS (DELETE FROM public.e_gmv_max_campaigns RETURNING campaign_id) SELECT campaign_id, 1 AS item_group_id FROM d')", qr/0A000: the query for_each/ ],
	[ ", probe => true, for_each => 'SELECT 1 AS campaign_id, 2 AS item_group_id')", qr/22023: "probe" means nothing/ ])
{
	like(fails("$snapshot$case->[0]"), $case->[1], "create_snapshot$case->[0]");
}
is(ask("SELECT to_regclass('mart.wrong') IS NULL AND count(*) > 0 FROM e_gmv_max_campaigns"), 't', 'nothing was made, nothing deleted');

# ---- by day: products and creatives -------------------------------------------------------

ask("CREATE TABLE mart.groups AS SELECT DISTINCT advertiser_id, campaign_id, item_group_id FROM e_gmv_max_item_group_reports_daily
	WHERE advertiser_id IN ($first, $second); INSERT INTO mart.groups VALUES ($first, NULL, 5)");
my $query = q{for_each => 'SELECT advertiser_id, campaign_id, item_group_id FROM mart.groups -- all'};
is(ask("SELECT tiktok.create_snapshot('ads.gmv_max_creative_reports_daily', 'mart.creatives', since => '$from', $query)"),
	'mart.creatives', 'a snapshot is made');
is(scalar(@{ api_log() }), 0, 'without a request');
my $mine = "SELECT * FROM e_gmv_max_creative_reports_daily WHERE advertiser_id IN ($first, $second)";
ask(q{SET client_min_messages = warning; CALL tiktok.refresh('mart.creatives')});
is(compare('creatives', $mine), 't|0|0', 'creatives of the products that a query lists');
my $asked = () = requests('gmv_max/report/get');
is_deeply([ grep { $_->{params}{advertiser_id} !~ /^($first|$second)$/ } requests('gmv_max/report/get') ], [], 'of its accounts only');
my $products = ask('SELECT count(*) FROM mart.groups WHERE campaign_id IS NOT NULL');
my $needed = ask(<<SQL);
SELECT sum(ceil(n / 300.0)) FROM (SELECT count(*) AS n FROM e_gmv_max_creative_reports_daily WHERE advertiser_id IN ($first, $second) GROUP BY advertiser_id, store_id) AS s
SQL
note("$products products, $asked requests; rows alone take $needed");
cmp_ok($asked, '<', $products / 2, 'many products a request');
is(materialize('gmv_max_creative_reports_daily', 'creatives', ''), ask("SELECT '0 0 0 ' || count(*) FROM mart.creatives WHERE stat_time_day >= (SELECT watermark - 7 FROM tiktok.snapshots WHERE target = 'mart.creatives'::regclass)"),
	'again: nothing has changed');
ask(<<SQL);
INSERT INTO mart.creatives (advertiser_id, store_id, campaign_id, item_group_id, item_id, stat_time_day, _synced_at)
	SELECT advertiser_id, store_id, campaign_id, item_group_id, 17, '$yesterday', now() FROM mart.creatives WHERE advertiser_id = $first LIMIT 1;
INSERT INTO mart.creatives (advertiser_id, store_id, campaign_id, item_group_id, item_id, stat_time_day, _synced_at)
	SELECT advertiser_id, store_id, campaign_id, 19, 19, '$yesterday', now() FROM mart.creatives WHERE advertiser_id = $first LIMIT 1;
UPDATE mart.creatives SET cost = -1 WHERE stat_time_day = '$yesterday' AND item_id NOT IN (17, 19) AND ctid = (SELECT min(ctid) FROM mart.creatives WHERE stat_time_day = '$yesterday' AND item_id NOT IN (17, 19));
SQL
like(materialize('gmv_max_creative_reports_daily', 'creatives', ''), qr/^0 1 1 /, 'what changed is updated, what is gone is deleted');
is(ask('SELECT array_agg(item_id) FROM mart.creatives WHERE item_id IN (17, 19)'), '{19}', 'but not what was not asked for');
ask('DELETE FROM mart.creatives WHERE item_id = 19');
ask("DELETE FROM mart.groups WHERE advertiser_id = $second");
api_reset();
like(materialize('gmv_max_creative_reports_daily', 'creatives', ''), qr/^0 0 0 /, 'an account that is no longer listed');
is(compare('creatives', $mine), 't|0|0', 'keeps its rows');
is_deeply([ grep { $_->{params}{advertiser_id} ne $first } requests('gmv_max/report/get') ], [], 'and is not asked for');
ask("INSERT INTO mart.groups SELECT DISTINCT advertiser_id, campaign_id, item_group_id FROM e_gmv_max_item_group_reports_daily WHERE advertiser_id = $second");
api_faults([ { match => { path => 'gmv_max/report/get', advertiser_id => $second }, times => 0, action => { code => 40001, message => 'No permission' } } ]);
ask("UPDATE mart.creatives SET cost = -1 WHERE stat_time_day = '$yesterday'");
like(fails(q{CALL tiktok.refresh('mart.creatives')}), qr/WARNING: .*1 of \d+ accounts could not be read/, 'an account that is refused');
is(ask("SELECT string_agg(DISTINCT advertiser_id::text, ' ') FROM mart.creatives WHERE cost = -1"), $second, 'keeps its rows, others are up to date');
is(ask("SELECT last_error ~ 'No permission' FROM tiktok.snapshot_accounts WHERE target = 'mart.creatives'::regclass AND advertiser_id = $second"),
	't', 'the error is told');
api_faults([]);
ask(q{SET client_min_messages = warning; CALL tiktok.refresh('mart.creatives')});
is(compare('creatives', $mine), 't|0|0', 'and is read the next time');
like(fails(q{SELECT tiktok.create_live_view('mart.creatives', 'mart.live')}), qr/0A000: snapshot mart.creatives holds what its query for_each gives/, 'no live view');
ask('TRUNCATE mart.groups');
api_reset();
like(fails(q{CALL tiktok.refresh('mart.creatives')}), qr/NOTICE: .*mart.creatives: its query for_each gives nothing to ask for/, 'a query without rows');
is(scalar(requests('gmv_max/report/get')), 0, 'asks nothing');
is(compare('creatives', $mine), 't|0|0', 'and deletes nothing');

# ---- a query that reads the API, and another one in its place --------------------------------

my $rows = "SELECT * FROM e_gmv_max_item_group_reports_daily WHERE advertiser_id = $first";
is(materialize('gmv_max_item_group_reports_daily', 'products', ", since => '$from', changes => true, for_each => 'SELECT advertiser_id, campaign_id FROM ads.gmv_max_campaigns WHERE advertiser_id = $first;'"),
	ask("SELECT count(*) || ' 0 0 0' FROM ($rows) AS r"), 'products of the campaigns that the API lists');
is(compare('products', $rows), 't|0|0', 'as computed');
is(ask('SELECT count(*) FROM mart.products_changes'), ask('SELECT count(*) FROM mart.products'), 'with changes');
my $all = "SELECT * FROM e_gmv_max_item_group_reports_daily WHERE advertiser_id IN ($first, $second)";
is(materialize('gmv_max_item_group_reports_daily', 'products', ", for_each => 'SELECT advertiser_id, campaign_id FROM public.e_gmv_max_campaigns WHERE advertiser_id IN ($first, $second)'"),
	ask("SELECT (SELECT count(*) FROM ($all) AS a) - n || ' 0 0 ' || n FROM (SELECT count(*) AS n FROM ($rows) AS r) AS x"), 'another query: all days are read again');
is(compare('products', $all), 't|0|0', 'as computed');
like(ask("SELECT for_each_by = current_user, for_each FROM tiktok.snapshots WHERE target = 'mart.products'::regclass"), qr/^t\|SELECT advertiser_id/, 'tiktok.snapshots shows it');
my ($dump) = run_command([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-d', 'postgres' ]);
like($dump, qr/\tSELECT advertiser_id, campaign_id FROM public\.e_gmv_max_campaigns WHERE advertiser_id IN .*\n/, 'a dump has it');

# ---- streams that are read whole ----------------------------------------------------------------

$mine = "SELECT * FROM e_gmv_max_creative_reports WHERE advertiser_id = $first";
is(materialize('gmv_max_creative_reports', 'year', ", history => true, for_each => 'SELECT DISTINCT advertiser_id, campaign_id, item_group_id FROM public.e_gmv_max_creative_reports WHERE advertiser_id = $first'"),
	ask("SELECT count(*) || ' 0 0 0' FROM ($mine) AS r"), 'creatives of a year');
is(compare('year', $mine), 't|0|0', 'as computed');
ask(<<SQL);
INSERT INTO mart.year (advertiser_id, store_id, campaign_id, item_group_id, item_id, _synced_at)
	SELECT advertiser_id, store_id, campaign_id, item_group_id, 17, now() FROM mart.year LIMIT 1;
INSERT INTO mart.year (advertiser_id, store_id, campaign_id, item_group_id, item_id, _synced_at)
	SELECT advertiser_id, store_id, campaign_id, 19, 19, now() FROM mart.year LIMIT 1;
SQL
is(materialize('gmv_max_creative_reports', 'year', ''), ask("SELECT '0 0 1 ' || count(*) FROM ($mine) AS r"), 'what is gone is marked');
is(ask('SELECT array_agg(item_id) FROM mart.year WHERE _deleted_at IS NOT NULL'), '{17}', 'where it was asked for');
is(ask('SELECT count(*) FROM mart.year_history'), ask("SELECT count(*) FROM ($mine) AS r"), 'with history');

my $pixel = ask("SELECT min(pixel_id) FROM ads.pixels WHERE advertiser_id = $first");
my $bc = ask('SELECT min(bc_id) FROM ads.business_centers');
foreach my $case (
	[ 'pixel_events_statistics', 'SELECT d::date AS start_date, d::date + 6 AS end_date FROM generate_series(date ~' . day(28) . '~, ~' . day(14) . '~, interval ~7 days~) AS d',
		join(' UNION ALL ', map { "SELECT * FROM ads.pixel_events_statistics WHERE start_date = '" . day($_) . "' AND end_date = '" . day($_ - 6) . "'" } (28, 21, 14)) ],
	[ 'pixel_instant_page_events', 'SELECT ~TRAFFIC~ AS objective_type, ~CLICK~ AS optimization_goal', "objective_type = 'TRAFFIC' AND optimization_goal = 'CLICK'" ],
	[ 'custom_conversions', "SELECT $first AS advertiser_id, ~PIXEL~ AS event_source_type, $pixel AS event_source_id", "advertiser_id = $first AND event_source_type = 'PIXEL' AND event_source_id = '$pixel'" ],
	[ 'bc_assets', 'SELECT unnest(ARRAY[~ADVERTISER~, ~PIXEL~, ~CATALOG~]) AS asset_type', "asset_type IN ('ADVERTISER', 'PIXEL', 'CATALOG')" ],
	[ 'identity_videos', 'SELECT advertiser_id, identity_type, identity_id FROM public.mine', "advertiser_id = $first AND identity_type IN (SELECT identity_type FROM mine) AND identity_id IN (SELECT identity_id FROM mine)" ],
	[ 'campaigns', "SELECT campaign_id FROM (VALUES (1::bigint), (2), ($first)) AS v (campaign_id) UNION SELECT campaign_id FROM public.picked", 'campaign_id IN (SELECT campaign_id FROM picked)' ])
{
	my ($stream, $for_each, $right) = @$case;

	ask("CREATE TABLE picked AS SELECT campaign_id FROM ads.campaigns WHERE advertiser_id = $large ORDER BY 1 LIMIT 150") if $stream eq 'campaigns';
	ask("CREATE TABLE mine AS SELECT advertiser_id, identity_type, identity_id FROM ads.identities WHERE advertiser_id = $first AND identity_type = 'AUTH_CODE' ORDER BY 3 LIMIT 1") if $stream eq 'identity_videos';
	$for_each =~ s/~/''/g;
	my $inserted = materialize($stream, $stream, ", for_each => '$for_each'");
	$right = "SELECT * FROM ads.$stream WHERE $right" unless $right =~ /^SELECT/;
	is(compare($stream, $right), 't|0|0', "$stream: the rows that were asked for");
	is($inserted, ask("SELECT count(*) || ' 0 0 0' FROM ($right) AS r"), "$stream: all new");
	is(materialize($stream, $stream, ''), ask("SELECT '0 0 0 ' || count(*) FROM ($right) AS r"), "$stream: again, nothing has changed");
}
is_deeply(api_violations(), [], 'asked as documented');

my ($examples) = slurp_file("$FindBin::Bin/../../doc/snapshots.md") =~ /^```sql\n(SELECT tiktok\.create_snapshot\('ads\.gmv_max_creative_reports_daily.*?)^```$/ms;
is(join(' ', ($node->psql('postgres', "SET client_min_messages = warning; $examples"))[0, 2]), '0 ', 'the examples of doc/snapshots.md run');
is(ask('SELECT count(DISTINCT start_date) FROM mart.pixel_weeks'), 8, 'and give eight weeks');

# ---- whose query it is ----------------------------------------------------------------------------

ask(<<SQL);
CREATE ROLE other SUPERUSER;
CREATE FUNCTION mart.trap() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''run as %'', current_user; END';
SELECT tiktok.create_snapshot('ads.campaigns', 'mart.trapped', for_each => 'SELECT mart.trap() AS campaign_id');
ALTER TABLE mart.trapped OWNER TO other;
SQL
my $told = fails(q{SET ROLE other; CALL tiktok.refresh('mart.trapped')});
like($told, qr/42501: the query for_each of snapshot mart.trapped was written by \w+, not by other.*DETAIL:  It would run with the rights of other: SELECT mart.trap\(\)/s,
	'another owner of the table does not run it');
unlike($told, qr/run as/, 'not even once');

$node->stop;
done_testing();
