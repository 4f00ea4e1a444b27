# GMV Max: the stores of accounts, and reports that name one store a request. Rows are those
# that test/api/expected.py computes without HTTP.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my ($from, $to) = ('2026-05-20', '2026-06-29');
my $api = api_start();
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, page_size => 100, -import_options => { streams => 'all' });
my $expected = "$FindBin::Bin/../api/expected.py";

sub ask { return $node->safe_psql('postgres', $_[0]); }
sub fails { return ($node->psql('postgres', $_[0], extra_params => [ '--set', 'VERBOSITY=verbose' ]))[2]; }

# A table of what a stream must hold: e_STREAM.
sub expect
{
	my ($stream, @options) = @_;
	my $columns = ask("SELECT string_agg(name || ':' || type, ',' ORDER BY ordinal) FROM tiktok.stream_columns WHERE stream = '$stream'");
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$stream.csv";

	system_or_bail('sh', '-c', 'exec "$0" "$@" >"' . $file . '"', $ENV{PYTHON} // 'python3', $expected,
		'--stream', $stream, '--columns', $columns, '--today', $TODAY, '--scale', 'small', @options);
	ask("DROP TABLE IF EXISTS e_$stream; CREATE TABLE e_$stream (LIKE ads.$stream);");
	$node->safe_psql('postgres', "\\copy e_$stream FROM '$file' CSV HEADER");
	return;
}

# "n missing, n extra" of what a query has, compared with a condition on what there must be
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

expect($_) foreach qw(gmv_max_stores gmv_max_campaigns);
expect($_, '--from', $from, '--to', $to)
  foreach qw(gmv_max_product_reports_daily gmv_max_live_reports_daily
  gmv_max_item_group_reports_daily gmv_max_creative_reports_daily);
expect('gmv_max_creative_reports');

my $days = "stat_time_day BETWEEN '$from' AND '$to'";

# ---- lists --------------------------------------------------------------------

is(compare('gmv_max_stores', 'true'), 't|0|0', 'the stores of all accounts');
is(compare('gmv_max_campaigns', 'true'), 't|0|0', 'campaigns of both kinds, deleted ones too, in several pages');
is(compare('gmv_max_campaigns', 'campaign_id = (SELECT max(campaign_id) FROM e_gmv_max_campaigns)'),
	't|0|0', 'a campaign by its id');

# ---- reports by day -------------------------------------------------------------

api_reset();
is(compare('gmv_max_product_reports_daily', $days), 't|0|0', 'products: all stores of all accounts');
my @asked = reports();
my %stores = map { decode_json($_->{params}{store_ids})->[0] => 1 } @asked;
is(scalar(keys %stores), ask('SELECT count(*) FROM e_gmv_max_stores WHERE is_gmv_max_available'),
	'each store that is available is asked for');
is_deeply([ grep { @{ decode_json($_->{params}{store_ids}) } != 1 } @asked ], [], 'one a request');
cmp_ok(scalar(@asked), '>', 3 * keys %stores, 'in windows and pages');
is(scalar(grep { $_->{path} eq 'gmv_max/store/list' } @{ api_log() }),
	ask('SELECT count(*) FROM ads.advertiser_ids'), 'and looked up once for each account');
is(compare('gmv_max_live_reports_daily', $days), 't|0|0', 'LIVE');
is(ask('SELECT sum("10_second_live_views") = (SELECT sum("10_second_live_views") FROM e_gmv_max_live_reports_daily) FROM ads.gmv_max_live_reports_daily WHERE ' . $days),
	't', 'a column whose name begins with a digit');
is_deeply(api_violations(), [], 'asked as documented');
done_testing();
