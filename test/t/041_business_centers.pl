# Business Centers: what belongs to them rather than to an account, and the accounts of
# option bc_id. Rows are those that test/api/expected.py computes without HTTP.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $api = api_start();
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, page_size => 100, -import_options => { streams => 'all' });
my $expected = "$FindBin::Bin/../api/expected.py";
my $FIRST = '7002238017842757633';

sub ask { return $node->safe_psql('postgres', $_[0]); }
sub fails { return ($node->psql('postgres', $_[0], extra_params => [ '--set', 'VERBOSITY=verbose' ]))[2]; }
sub requests { my ($path) = @_; return grep { $_->{path} eq $path } @{ api_log() }; }

foreach my $stream (qw(business_centers bc_assets bc_balances catalogs))
{
	my $columns = ask("SELECT string_agg(name || ':' || type || coalesce(':' || path, ''), ',' ORDER BY ordinal) FROM tiktok.stream_columns WHERE stream = '$stream'");
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$stream.csv";

	system_or_bail('sh', '-c', 'exec "$0" "$@" >"' . $file . '"', $ENV{PYTHON} // 'python3', $expected,
		'--stream', $stream, '--columns', $columns, '--today', $TODAY, '--scale', 'small');
	ask("CREATE TABLE e_$stream (LIKE ads.$stream)");
	$node->safe_psql('postgres', "\\copy e_$stream FROM '$file' CSV HEADER");
}

# whether there are rows, "n missing, n extra" of what a condition leaves
sub compare
{
	my ($stream, $where) = @_;

	return ask(<<SQL);
CREATE TEMP TABLE g AS SELECT * FROM ads.$stream WHERE $where;
CREATE TEMP TABLE x AS SELECT * FROM e_$stream WHERE $where;
SELECT (SELECT count(*) FROM x) > 0,
	(SELECT count(*) FROM (SELECT x::text FROM x EXCEPT ALL SELECT g::text FROM g) a),
	(SELECT count(*) FROM (SELECT g::text FROM g EXCEPT ALL SELECT x::text FROM x) b)
SQL
}

# ---- streams --------------------------------------------------------------------

is(compare('business_centers', 'true'), 't|0|0', 'Business Centers');
is(ask('SELECT count(*), min(advertiser_id), max(advertiser_id) FROM ads.business_centers'), '7|0|0',
	'of no account');
my @types = qw(ADVERTISER CATALOG TIKTOK_SHOP PIXEL LEAD TT_ACCOUNT);
foreach my $type (@types)
{
	api_reset();
	is(compare('bc_assets', "asset_type = '$type'"), 't|0|0', "assets: $type");
	is(scalar(requests('bc/get')), 1, "$type: Business Centers are looked up once");
}
is(compare('bc_assets', "asset_type IN ('PIXEL', 'LEAD', 'CATALOG')"), 't|0|0', 'assets of several types');
my ($first, $second) = split /\n/, ask('SELECT bc_id FROM e_business_centers ORDER BY 1 LIMIT 2');
api_reset();
is(compare('bc_assets', "asset_type = 'PIXEL' AND bc_id = $second"), 't|0|0', 'assets of one Business Center');
is(join(' ', map { "$_->{params}{bc_id} $_->{params}{page}/$_->{params}{page_size}" } requests('bc/asset/get')),
	"$second 1/50 $second 2/50", 'in pages of 50');
like(fails('SELECT * FROM ads.bc_assets'),
	qr/HV00L: .*foreign table ads\.bc_assets needs a value of "asset_type".*HINT:  Add a condition such as WHERE asset_type = /s,
	'asset_type has to be told');
api_reset();
is(ask("SELECT count(*) FROM ads.bc_assets WHERE asset_type = 'PIXEL' AND bc_id = 5"), 0,
	'a Business Center of somebody else has no rows');
is(scalar(requests('bc/asset/get')), 0, 'and is not asked for');
is(compare('bc_balances', 'true'), 't|0|0', 'balances: all accounts of all Business Centers');
is(ask('SELECT count(*) > count(DISTINCT advertiser_id) FROM ads.bc_balances'), 't',
	'an account in two of them is a row of each');
is(compare('bc_balances', "advertiser_id = $FIRST"), 't|0|0', 'balances of an account');
is(compare('bc_balances', "advertiser_id = $FIRST AND bc_id = $first"), 't|0|0',
	'balances of an account in a Business Center');
is(compare('catalogs', 'true'), 't|0|0', 'catalogues, in several pages');
is(ask("ALTER SERVER tiktok OPTIONS (ADD advertiser_ids '$FIRST');
	SELECT count(*) > 0, bool_and(advertiser_id = $FIRST) FROM ads.bc_balances;
	ALTER SERVER tiktok OPTIONS (DROP advertiser_ids)"),
	't|t', 'advertiser_ids bounds balances');
is_deeply(api_violations(), [], 'asked as documented');

done_testing();
