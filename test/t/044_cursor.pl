# Posts of identities, a list that is read by cursor: page after page, each from where the one
# before ended; it is the whole list, or an error. What a request may name beside what it must,
# and filters of identities and saved audiences.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $path = 'identity/video/get';
my $api = api_start();
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, -import_options => { streams => 'all' });
my $expected = "$FindBin::Bin/../api/expected.py";
my $columns = <<'SQL';
SELECT string_agg(name || ':' || type || coalesce(':' || path, ''), ',' ORDER BY ordinal)
FROM tiktok.stream_columns WHERE stream = '%s'
SQL

sub ask { return $node->safe_psql('postgres', $_[0]); }

foreach my $stream (qw(identity_videos identities saved_audiences))
{
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$stream.csv";

	system_or_bail('sh', '-c', 'exec "$0" "$@" >"' . $file . '"', $ENV{PYTHON} // 'python3', $expected,
		'--stream', $stream, '--columns', ask(sprintf($columns, $stream)), '--today', $TODAY, '--scale', 'small');
	ask("CREATE TABLE e_$stream (LIKE ads.$stream)");
	$node->safe_psql('postgres', "\\copy e_$stream FROM '$file' CSV HEADER");
}

# whether there are rows, "n missing, n extra"
sub same
{
	my ($got, $should) = @_;

	return ask(<<SQL);
CREATE TEMP TABLE g AS $got;
CREATE TEMP TABLE x AS $should;
SELECT (SELECT count(*) FROM x) > 0,
	(SELECT count(*) FROM (SELECT x::text FROM x EXCEPT ALL SELECT g::text FROM g) a),
	(SELECT count(*) FROM (SELECT g::text FROM g EXCEPT ALL SELECT x::text FROM x) b)
SQL
}

sub compare { my ($stream, $where) = @_; return same("SELECT * FROM ads.$stream WHERE $where", "SELECT * FROM e_$stream WHERE $where"); }
sub requests { my $of = $_[0] // $path; return [ grep { $_->{path} eq $of } @{ api_log() } ]; }

# Output, SQLSTATE ('' if it went well), messages, requests.
sub run
{
	my ($sql, @faults) = @_;

	api_reset();
	api_faults(\@faults);
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	my ($state) = $err =~ /ERROR:  (\w{5}):/;
	return ($out, $state // ($rc == 0 ? '' : "psql failed: $err"), $err, requests());
}

# ---- pages ----------------------------------------------------------------------

my ($account, $identity) = split /\|/, ask("SELECT advertiser_id, identity_id FROM e_identity_videos
	WHERE identity_type = 'TT_USER' GROUP BY 1, 2 HAVING count(*) = 47 ORDER BY 1, 2 LIMIT 1");
my $one = "advertiser_id = $account AND identity_id = '$identity' AND identity_type = 'TT_USER'";
my $all = "SELECT count(*), count(DISTINCT item_id) FROM ads.identity_videos WHERE $one";

is(compare('identity_videos', $one), 't|0|0', 'the posts of an identity, as computed');
my ($out, $state, $err, $log) = run($all);
is("$out$state", '47|47', 'every row of three pages, once');
is_deeply([ map { $_->{params}{count} } @$log ], [ (20) x 3 ], 'of as many rows as there may be');
is((grep { exists $_->{params}{cursor} } @$log), 2, 'each but the first from a cursor');
is_deeply([ grep { exists $_->{params}{page} } @$log ], [], 'none by number');
is_deeply(api_violations(), [], 'cursors are those that the API gave');
my $plan = ask("EXPLAIN (VERBOSE, COSTS OFF) $all");
like($plan, qr/Paging: by cursor/, 'EXPLAIN says so');
like($plan, qr/Required Conditions: identity_id: $identity, identity_type: TT_USER\n/, 'and what it is told');
is(ask("SELECT paging, required_conditions FROM tiktok.streams WHERE name = 'identity_videos'"), 'cursor|{identity_id,identity_type}',
	'so does tiktok.streams');

($out, $state, $err, $log) = run("SELECT count(*) FROM (SELECT item_id FROM ads.identity_videos WHERE $one LIMIT 15) t");
is("$out$state", '15', 'LIMIT');
is_deeply([ map { $_->{params}{count} } @$log ], [15], 'asks for no more');
($out, $state, $err, $log) = run("SELECT count(*) FROM (SELECT item_id FROM ads.identity_videos WHERE $one LIMIT 15 OFFSET 10) t");
is("$out$state", '15', 'LIMIT and OFFSET');
is_deeply([ map { $_->{params}{count} } @$log ], [ 20, 20 ], 'ask for as many pages as they need');

my @second = (match => { path => $path }, after => 1);
($out, $state, $err, $log) = run($all, { @second, action => { code => 50000, message => 'busy' } });
is("$out$state", '47|47', 'a page that fails is asked for again');
is($log->[1]{params}{cursor}, $log->[2]{params}{cursor}, 'from where it begins');
foreach my $what (
	[ 'no word of whether there is more', { missing => 'has_more' }, 'whether it is the last' ],
	[ 'no cursor', { missing => 'cursor' }, 'where the next one begins' ])
{
	my ($name, $action, $message) = @$what;

	($out, $state, $err) = run($all, { @second, times => 0, action => $action });
	is($state, 'HV000', "$name: an error");
	like($err, qr/\Q$message\E/, 'that says so');
	($out, $state) = run($all, { @second, after => 0, action => $action });
	is("$out$state", '47|47', "$name, of the first page once: the list is read again");
}
($out, $state, $err) = run('SELECT * FROM ads.identity_videos');
is($state, 'HV00L', 'without an identity nothing is asked');
like($err, qr/HINT:  .*WHERE identity_id = '...' AND identity_type = '...'/, 'and the hint has the clause');

# ---- identities of a join; one of a Business Center -------------------------------

api_faults([]);
my $some = "advertiser_id IN (7002238017842757633, $account)";
api_reset();
is(same("SELECT v.* FROM ads.identities i JOIN ads.identity_videos v USING (advertiser_id, identity_id, identity_type)
		WHERE i.identity_type IN ('TT_USER', 'AUTH_CODE') AND i.$some",
	"SELECT * FROM e_identity_videos WHERE identity_type <> 'BC_AUTH_TT' AND $some"),
	't|0|0', 'posts of all identities of two accounts, from a join');
is_deeply(api_violations(), [], 'asked as documented');
api_reset();
is(same("SELECT v.* FROM ads.identities i JOIN ads.identity_videos v USING (advertiser_id, identity_id, identity_type, identity_authorized_bc_id)
		WHERE i.identity_type = 'BC_AUTH_TT' AND i.$some",
	"SELECT * FROM e_identity_videos WHERE identity_type = 'BC_AUTH_TT' AND $some"),
	't|0|0', 'posts of those of Business Centers: these are named, and shown');
is((grep { !exists $_->{params}{identity_authorized_bc_id} } @{ requests() }), 0, 'in each request');
is_deeply(api_violations(), [], 'asked as documented');
my ($bc, $id) = split /\|/, ask("SELECT identity_authorized_bc_id, identity_id FROM e_identity_videos WHERE identity_type = 'BC_AUTH_TT' AND advertiser_id = $account LIMIT 1");
my $theirs = "advertiser_id = $account AND identity_id = '$id' AND identity_type = 'BC_AUTH_TT'";
foreach my $pushdown (qw(on off))
{
	is(ask("SET tiktok_fdw.enable_pushdown = $pushdown; SELECT count(*) FROM ads.identity_videos WHERE $theirs AND identity_authorized_bc_id = '$bc'"),
		ask("SELECT count(*) FROM e_identity_videos WHERE $theirs"), "named by a condition, pushdown $pushdown");
}
like(ask("EXPLAIN (VERBOSE, COSTS OFF) SELECT 1 FROM ads.identity_videos WHERE $theirs AND identity_authorized_bc_id = '$bc'"),
	qr/Required Conditions: .*identity_authorized_bc_id: $bc\n/, 'EXPLAIN shows it');
($out, $state) = run("SELECT * FROM ads.identity_videos WHERE $theirs");
is($state, '22023', 'not named, it is an error of the API');
($out, $state) = run("SELECT count(*) FROM ads.identity_videos WHERE $one AND identity_authorized_bc_id IS NULL");
is("$out$state", '47', 'NULL where none is named');

# ---- filters ------------------------------------------------------------------------

foreach my $case (
	[ 'identities', "identity_type = 'AUTH_CODE'", 'identity_type', 'AUTH_CODE' ],
	[ 'identities', "identity_type = (SELECT 'TT_USER'::text)", 'identity_type', 'TT_USER' ],
	# named with a Business Center only; and what the parameter does not take
	[ 'identities', "identity_type = 'BC_AUTH_TT'", 'identity_type', undef ],
	[ 'identities', "identity_type = 'TTS_TT'", 'identity_type', undef ],
	[ 'identities', "identity_type IN ('TT_USER', 'AUTH_CODE')", 'identity_type', undef ])
{
	my ($stream, $where, $param, $value) = @$case;

	api_reset();
	is(compare($stream, "advertiser_id = $account AND $where"), 't|0|0', "$stream: $where");
	is_deeply([ map { $_->{params}{$param} } @{ requests('identity/get') } ], [ map { $value } @{ requests('identity/get') } ],
		'asks for ' . ($value // 'all'));
}
my $ids = ask("SELECT string_agg(saved_audience_id::text, ', ') FROM (SELECT saved_audience_id FROM e_saved_audiences WHERE advertiser_id = $account ORDER BY 1 LIMIT 3) s");
api_reset();
is(compare('saved_audiences', "advertiser_id = $account AND saved_audience_id IN ($ids)"), 't|0|0', 'saved audiences by id');
is(scalar(my @asked = @{ requests('dmp/saved_audience/list') }), 1, 'in one request');
is($asked[0]{params}{saved_audience_ids} =~ tr/,//, 2, 'of three ids');
is(compare('saved_audiences', "advertiser_id = $account AND saved_audience_id IN ($ids, 5)"), 't|0|0', 'one of which nobody has');
api_reset();
is(ask("SELECT count(*) FROM ads.saved_audiences WHERE advertiser_id = $account AND saved_audience_id = ANY (ARRAY(SELECT saved_audience_id FROM e_saved_audiences))"),
	ask("SELECT count(*) FROM e_saved_audiences WHERE advertiser_id = $account"), 'by hundreds');
is_deeply(api_violations(), [], 'asked as documented');

done_testing();
