# Business Centers: what belongs to them rather than to an account, and the accounts of
# option bc_id. Rows are those that test/api/expected.py computes without HTTP.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use HTTP::Tiny;
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

foreach my $stream (qw(business_centers bc_assets bc_balances business_center_balances catalogs))
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

# what a Business Center itself has is one object, not a list
api_reset();
is(compare('business_center_balances', 'true'), 't|0|0', 'balances of the Business Centers themselves');
is(join(' ', map { join(',', sort keys %{ $_->{params} }) } requests('bc/balance/get')), join(' ', ('bc_id') x 7),
	'a request for each');
is(ask('SELECT count(*), count(DISTINCT bc_id), count(grant_balance) FROM ads.business_center_balances'), '6|6|5',
	'one that has nothing is no row; null is NULL');
api_reset();
is(compare('business_center_balances', "bc_id = $second"), 't|0|0', 'of one Business Center');
is(scalar(requests('bc/balance/get')), 1, 'in one request');
my $plan = ask('EXPLAIN (VERBOSE) SELECT currency FROM ads.business_center_balances');
like($plan, qr/Paging: none: one row a request/, 'EXPLAIN says so');
like($plan, qr/Endpoint: bc\/balance\/get\//, 'and where');
is(ask("SELECT paging FROM tiktok.streams WHERE name = 'business_center_balances'"), 'object', 'so does tiktok.streams');
is(ask("CREATE SCHEMA kept; SELECT inserted FROM tiktok.materialize('ads.business_center_balances', 'kept.balances')"), 6,
	'a snapshot of them');
is(ask("SELECT inserted, updated, deleted, unchanged FROM tiktok.materialize('ads.business_center_balances', 'kept.balances')"),
	'0|0|0|6', 'refreshed');
foreach my $case (
	[ '[]', 'data is not an object' ], [ '"x"', 'data is not an object' ], [ 'null', 'malformed reply' ])
{
	my ($data, $message) = @$case;

	api_faults([ { match => { path => 'bc/balance/get' }, times => 0,
		action => { body => "{\"code\":0,\"message\":\"OK\",\"data\":$data}" } } ]);
	like(fails('SELECT * FROM ads.business_center_balances'), qr/ERROR:  HV000: .*\Q$message\E/s, "data is $data: an error");
}
api_faults([]);
is(compare('catalogs', 'true'), 't|0|0', 'catalogues, in several pages');
api_reset();
is(compare('catalogs', 'catalog_id = (SELECT max(catalog_id) FROM e_catalogs)'), 't|0|0', 'a catalogue by its id');
is(scalar(grep { !$_->{params}{catalog_id} } requests('catalog/get')), 0, 'which is asked for');
is(ask("ALTER SERVER tiktok OPTIONS (ADD advertiser_ids '$FIRST');
	SELECT count(*) > 0, bool_and(advertiser_id = $FIRST) FROM ads.bc_balances;
	ALTER SERVER tiktok OPTIONS (DROP advertiser_ids)"),
	't|t', 'advertiser_ids bounds balances');
is_deeply(api_violations(), [], 'asked as documented');

# ---- a Business Center that is refused -------------------------------------------

sub refuse
{
	my ($path, @ids) = @_;

	return map { { match => { path => $path, bc_id => $_ }, times => 0, action => { code => 40001, message => "No permission to operate $_" } } } @ids;
}

# rows, SQLSTATE, messages
sub try_it
{
	my ($rc, $out, $err) = $node->psql('postgres', $_[0], extra_params => [ '--set', 'VERBOSITY=verbose' ]);

	return ($out, $err);
}

my ($out, $err);
api_faults([ refuse('advertiser/balance/get', $second) ]);
($out, $err) = try_it('SELECT count(*) FROM ads.bc_balances');
is($out, '', 'a Business Center is refused: no rows');
like($err, qr/ERROR:  42501: .*DETAIL:  Code 40001, .*, Business Center $second.*HINT:  .*on_advertiser_error 'skip'/s,
	'an error that names it, and what to do');
ask("ALTER SERVER tiktok OPTIONS (ADD on_advertiser_error 'skip')");
api_reset();
api_faults([ refuse('advertiser/balance/get', $second) ]);
($out, $err) = try_it('SELECT count(*), count(*) FILTER (WHERE bc_id = ' . $second . ') FROM ads.bc_balances');
is($out, ask("SELECT count(*) FROM e_bc_balances WHERE bc_id <> $second") . '|0', 'on_advertiser_error skip: the rows of the others');
is(() = $err =~ /WARNING/g, 1, 'one warning');
like($err, qr/WARNING:  42501: skipping Business Center $second: No permission.*DETAIL:  Code 40001, .*Business Center $second/s,
	'names it and its request');
like(ask('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT bc_id FROM ads.bc_balances'), qr/Skipped Business Centers: 1/,
	'EXPLAIN ANALYZE counts it');
api_reset();
api_faults([ refuse('bc/balance/get', $first, $second) ]);
($out, $err) = try_it('SELECT count(*) FROM ads.business_center_balances');
is($out, 4, 'of single objects, too');
like($err, qr/WARNING:  42501: skipping 2 Business Centers that the TikTok API refuses for foreign table "ads\.business_center_balances"/,
	'two in one warning');
# in the order in which they were refused
like($err, qr/DETAIL: .*Business Center $_: No permission/s, "which names $_") foreach ($first, $second);
api_reset();
api_faults([ refuse('bc/asset/get', $second) ]);
($out, $err) = try_it("SELECT count(*) FROM generate_series(1, 3) n, LATERAL (SELECT * FROM ads.bc_assets WHERE asset_type IN ('PIXEL', 'LEAD') AND n > 0 OFFSET 0) a");
is($out, 3 * ask("SELECT count(*) FROM e_bc_assets WHERE asset_type IN ('PIXEL', 'LEAD') AND bc_id <> $second"),
	'rescans: the rows of the others');
is(() = $err =~ /WARNING/g, 1, 'told once');
cmp_ok(scalar(grep { ($_->{params}{bc_id} // '') eq $second } requests('bc/asset/get')), '<=', 2,
	'and not asked again');
api_reset();
api_faults([ { match => { path => 'bc/asset/get', bc_id => $second, page => 2 }, times => 0,
	action => { code => 40001, message => 'gone', delay_ms => 700 } } ]);
($out, $err) = try_it("SELECT count(*) FROM ads.bc_assets WHERE asset_type = 'PIXEL'");
like($err, qr/WARNING:  42501: rows of Business Center $second are missing: gone/, 'refused after its first page: rows are missing');
is($out, ask("SELECT count(*) FROM e_bc_assets WHERE asset_type = 'PIXEL' AND bc_id <> $second") + 50, 'those of the first page are there');
api_reset();
api_faults([ refuse('bc/balance/get', $second) ]);
like(fails("SELECT * FROM tiktok.materialize('ads.business_center_balances', 'kept.balances')"), qr/ERROR:  42501: .*No permission/s,
	'a snapshot is not made of a part');
is(ask('SELECT count(*) FROM kept.balances WHERE _deleted_at IS NULL'), 6, 'and keeps its rows');
api_faults([ { match => { path => 'bc/balance/get' }, times => 0, action => { not_granted => 1 } } ]);
like(fails('SELECT * FROM ads.business_center_balances'), qr/ERROR:  42501: .*The app was not granted this endpoint/s,
	'an endpoint that was not granted is an error');
api_faults([]);
ask('ALTER SERVER tiktok OPTIONS (DROP on_advertiser_error)');
is_deeply(api_violations(), [], 'asked as documented');

# ---- option bc_id -----------------------------------------------------------------

# An agency of 120 accounts that are bound, and three that are not: three pages.
my $many = 120 - ask('SELECT count(*) FROM ads.advertiser_ids');
api_mutate([ map { { op => 'add_account', advertiser_id => 7300000000000000000 + $_, name => "A $_", ads => 1 } } 1 .. $many ]);
my @all = split /\n/, ask('SELECT advertiser_id FROM ads.advertiser_ids ORDER BY 1');
is(scalar(@all), 120, 'an agency of 120 accounts');
my ($agency, $other, $empty) = split /\n/, ask('SELECT bc_id FROM ads.business_centers ORDER BY 1 LIMIT 3');

# a user who has a token, and neither app_id nor secret
ask(<<SQL);
CREATE SERVER agency FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url '@{[ api_url() ]}', rate_limit '1000', bc_id '$agency');
CREATE USER MAPPING FOR CURRENT_USER SERVER agency OPTIONS (access_token '$TOKEN');
CREATE SCHEMA a;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER agency INTO a OPTIONS (streams 'all');
SQL

sub paths
{
	my %count;

	$count{ $_->{path} }++ foreach @{ api_log() };
	return join(', ', map { "$_ $count{$_}" } sort keys %count);
}

api_reset();
is(ask('SELECT string_agg(DISTINCT advertiser_id::text, E\'\n\' ORDER BY advertiser_id::text) FROM a.advertisers'),
	join("\n", sort @all), 'all accounts of the agency, and none that is not bound');
is(paths(), 'advertiser/info 2, bc/asset/get 3', 'looked up in three pages');
is(join(' ', sort map { "$_->{params}{page}/$_->{params}{page_size}" } requests('bc/asset/get')), '1/50 2/50 3/50',
	'of 50');
ask("ALTER SERVER agency OPTIONS (SET bc_id '$other, $agency,$empty')");
api_reset();
is(ask('SELECT count(*), count(DISTINCT advertiser_id) FROM a.advertisers'), '120|120',
	'an account of two Business Centers is asked for once');
like(paths(), qr{^advertiser/info 2, bc/asset/get [5-6]$}, 'each Business Center is looked up');
ask("ALTER SERVER agency OPTIONS (SET bc_id '$other')");
my $theirs = ask("SELECT string_agg(asset_id, ',' ORDER BY asset_id) FROM a.bc_assets
	WHERE bc_id = $other AND asset_type = 'ADVERTISER' AND coalesce(relation_status, 'BOUND') = 'BOUND'");
is(ask("SELECT string_agg(advertiser_id::text, ',' ORDER BY advertiser_id) FROM a.advertisers"), $theirs,
	'those of another one');
cmp_ok(scalar(split /,/, $theirs), '<', 120, 'fewer');
like(ask('EXPLAIN (VERBOSE, COSTS OFF) SELECT advertiser_id FROM a.advertisers'),
	qr/Accounts: all of the Business Centers of option bc_id/, 'EXPLAIN says so');
like(ask("SELECT string_agg(detail, E'\n') FROM tiktok.check('agency')"), qr/^\d+ from option bc_id: 7/m,
	'tiktok.check() says so');

# of option bc_id one may be refused, too
ask("ALTER SERVER agency OPTIONS (SET bc_id '$agency,$other')");
api_faults([ refuse('bc/asset/get', $agency) ]);
like(fails('SELECT count(*) FROM a.advertisers'), qr/ERROR:  42501: .*Business Center $agency/s, 'a Business Center of option bc_id is refused');
ask("ALTER SERVER agency OPTIONS (ADD on_advertiser_error 'skip')");
($out, $err) = try_it("SELECT string_agg(advertiser_id::text, ',' ORDER BY advertiser_id) FROM a.advertisers");
is($out, $theirs, 'on_advertiser_error skip: the accounts of the other one');
like($err, qr/WARNING:  42501: skipping Business Center $agency: /, 'with a warning');
like(fails("SELECT * FROM tiktok.materialize('a.advertisers', 'kept.advertisers')"), qr/ERROR:  42501: /, 'no snapshot of a part of the accounts');
api_faults([ refuse('bc/asset/get', $agency, $other) ]);
like(fails('SELECT count(*) FROM a.advertisers'), qr/42501: the Business Centers of option bc_id of server "agency" have no account that the token may read/,
	'all are refused: an error');
api_faults([]);
ask("ALTER SERVER agency OPTIONS (DROP on_advertiser_error, SET bc_id '$other')");

# WHERE, then advertiser_ids, then bc_id, then the token's own list
my $foreign = (grep { $theirs !~ /$_/ } @all)[0];
api_reset();
is(ask("SELECT advertiser_id FROM a.advertisers WHERE advertiser_id = $foreign"), $foreign,
	'a condition may name any account');
is(paths(), 'advertiser/info 1', 'and nothing is looked up');
api_reset();
is(ask("ALTER SERVER agency OPTIONS (ADD advertiser_ids '$foreign'); SELECT advertiser_id FROM a.advertisers"), $foreign,
	'advertiser_ids go first');
is(paths(), 'advertiser/info 1', 'and nothing is looked up');
like(ask("SELECT string_agg(detail, E'\n') FROM tiktok.check('agency')"), qr/^1 from option advertiser_ids: $foreign/m,
	'tiktok.check() says so');
ask("ALTER SERVER agency OPTIONS (DROP advertiser_ids)");

# snapshots
api_reset();
is(ask("CREATE SCHEMA mart; SELECT inserted FROM tiktok.materialize('a.advertisers', 'mart.advertisers')"),
	scalar(my @list = split /,/, $theirs), 'a snapshot of them');
is(scalar(requests('oauth2/advertiser/get')), 0, 'without the list of the token');
is_deeply(api_violations(), [], 'asked as documented');

# errors
ask('ALTER SERVER agency OPTIONS (SET bc_id \'5\')');
like(fails('SELECT count(*) FROM a.advertisers'), qr/ERROR:  \w+: .*No permission to operate Business Center 5/s,
	'a Business Center of somebody else');
ask("ALTER SERVER agency OPTIONS (SET bc_id '$empty')");
like(fails('SELECT count(*) FROM a.campaigns'),
	qr/42501: the Business Centers of option bc_id of server "agency" have no account that the token may read/,
	'a Business Center without accounts');
ask('ALTER SERVER agency OPTIONS (DROP bc_id)');
like(fails('SELECT count(*) FROM a.campaigns'),
	qr/28000: user mapping for server "agency" needs app_id .*or a Business Center that has them: ALTER SERVER agency OPTIONS \(ADD bc_id /s,
	'without it the error says that it would do');
ask("ALTER SERVER agency OPTIONS (ADD bc_id '$agency', ADD environment 'sandbox')");
like(fails('SELECT count(*) FROM a.campaigns'),
	qr/needs the option advertiser_ids.*TikTok's sandbox has no Business Centers/s, 'the sandbox has none');
like(fails("ALTER SERVER agency OPTIONS (SET bc_id '1,x')"),
	qr/invalid value for option "bc_id".*Business Center ids/s, 'no id');
like(fails("ALTER FOREIGN TABLE a.campaigns OPTIONS (ADD bc_id '1')"), qr/HV\w+: .*"bc_id"/, 'an option of servers');

# the local API refuses what TikTok does
my $url = api_url();
my $http = HTTP::Tiny->new(timeout => 60);
foreach my $case (
	[ 'bc/asset/get', { asset_type => 'ADVERTISER' }, 'bc_id: Missing' ],
	[ 'bc/asset/get', { bc_id => $agency }, 'asset_type: Missing' ],
	[ 'bc/asset/get', { bc_id => $agency, asset_type => 'CAR' }, 'CAR is not a valid value' ],
	[ 'bc/asset/get', { bc_id => $agency, asset_type => 'PIXEL', page_size => 51 }, 'page_size: Must be' ],
	[ 'advertiser/balance/get', { bc_id => $agency, advertiser_id => 1 }, 'advertiser_id: Unknown' ],
	[ 'catalog/get', { bc_id => 5 }, 'No permission' ])
{
	my ($path, $params, $word) = @$case;
	my $query = join('&', map { "$_=$params->{$_}" } sort keys %$params);
	my $out = $http->get("$url$path/?$query", { headers => { 'Access-Token' => $TOKEN } })->{content};

	like($out, qr/"code": ?400\d\d.*\Q$word\E/, "$path: $word");
}

done_testing();
