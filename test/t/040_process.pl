# A session that goes on working: scans that end early, errors that are caught,
# objects that change under an open scan.  Nothing is left behind: no
# descriptor, no connection, no request that nobody wants.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use TiktokSession;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $api = api_start();
my $node = new_node('main');
my $account = '7160093331570884610';    # 151 ads: 16 pages of 10
my $total = 151;

setup_fdw($node, %ONE_SERIES, rate_limit => 1000, page_size => 10, concurrency => 4, max_retries => 0,
	start_date => '2026-06-25');
my $session = TiktokSession->new($node);
my $other = TiktokSession->new($node);
my $ads = "SELECT ad_id FROM ads.ads WHERE advertiser_id = $account";
my $count = "SELECT count(ad_id), count(DISTINCT ad_id) FROM ads.ads WHERE advertiser_id = $account";

# what the backend holds open, by kind, but for files; libcurl wakes each of its handles by
# a pair of sockets, or, newer ones, by an event descriptor
sub descriptors
{
	my %count = (socket => 0, anon_inode => 0, pipe => 0);

	foreach my $fd (glob('/proc/' . $session->pid . '/fd/*'))
	{
		my ($kind) = (readlink($fd) // '') =~ s/^anon_inode:\[eventfd\]$/socket:/r =~ /^(\w+):/;
		$count{$kind}++ if defined $kind;
	}
	return \%count;
}

my $before = descriptors();
is($session->query($count), "$total|$total", 'the first scan');
my $idle = descriptors();

sub nothing_left
{
	my ($what) = @_;

  SKIP:
	{
		skip 'no /proc', 2 unless -d '/proc/self/fd';
		my $now = descriptors();

		# a few connections are kept for the next scans
		cmp_ok($now->{socket} - $before->{socket}, '<=', 12, "$what: no more connections than are kept");
		is_deeply({ %$now, socket => 0 }, { %$idle, socket => 0 }, "$what: no other descriptor is left");
	}
	is($session->query($count), "$total|$total", "$what: the session goes on");
	return;
}
nothing_left('a whole scan');

# ---- early ends ---------------------------------------------------------------

my %early = (
	'LIMIT' => ["SELECT count(*) FROM ($ads OFFSET 3 LIMIT 4) x", '4', 8],
	'EXISTS' => ["SELECT EXISTS ($ads)", 't', 8],
	'a cursor closed' =>
	  ["BEGIN; DECLARE c CURSOR FOR $ads; MOVE 15 IN c; CLOSE c; COMMIT; SELECT 'closed'", 'closed', 10],
	'a cursor left to the transaction' =>
	  ["BEGIN; DECLARE c CURSOR FOR $ads; MOVE 1 IN c; ROLLBACK; SELECT 'rolled back'", 'rolled back', 8],
	'a sub-transaction rolled back' =>
	  ["BEGIN; SAVEPOINT s; DECLARE c CURSOR FOR $ads; MOVE 1 IN c; ROLLBACK TO s; COMMIT; SELECT 'done'", 'done', 8],
	'a loop left' => [
		"DO \$\$ DECLARE r record; BEGIN FOR r IN $ads LOOP EXIT; END LOOP; END \$\$; SELECT 'left'", 'left', 16],
	'a merge join that ends' => [
		"SET enable_hashjoin = off; SET enable_nestloop = off; "
		  . "SELECT count(*) FROM (VALUES (1::bigint)) v (id) JOIN ($ads) a ON ad_id = id; "
		  . 'RESET enable_hashjoin; RESET enable_nestloop', '0', 16]);
foreach my $what (sort keys %early)
{
	my ($sql, $expected, $most) = @{ $early{$what} };

	api_reset();
	api_faults([{ match => {}, times => 0, action => { delay_ms => 20 } }]);
	is($session->query($sql), $expected, "$what: the answer");
	cmp_ok(scalar @{ api_log() }, '<=', $most, "$what: no more than $most requests");
	api_reset();
	nothing_left($what);
}

# ---- errors -------------------------------------------------------------------

# one page fails while others are in flight, a hundred times, caught each time
api_faults([{ match => { path => 'ad/get', page => 3 }, times => 0, action => { code => 50000 } },
		{ match => { path => 'ad/get' }, times => 0, action => { delay_ms => 5 } }]);
is( $session->query(<<SQL), '08006=40', 'forty errors, caught');
DO \$\$
DECLARE
	caught int := 0;
BEGIN
	FOR i IN 1 .. 40 LOOP
		BEGIN
			PERFORM count(ad_id) FROM ads.ads WHERE advertiser_id = $account;
		EXCEPTION WHEN connection_failure THEN
			caught := caught + 1;
		END;
	END LOOP;
	PERFORM set_config('test.caught', '08006=' || caught, false);
END \$\$;
SELECT current_setting('test.caught')
SQL
api_reset();
nothing_left('errors');
foreach my $action ({ close => 'mid' }, { truncate => 1 }, { code => 40105 }, { gzip_bomb_mb => 100 })
{
	my ($name) = %$action;

	api_faults([{ match => { path => 'ad/get', page => 2 }, times => 0, action => $action }]);
	like($session->query($count), qr/ERROR/, "$name: an error");
	api_reset();
	nothing_left($name);
}
# an error of the query's own while requests are in flight
api_faults([{ match => {}, times => 0, action => { delay_ms => 20 } }]);
like($session->query("SELECT 1 / (ad_id - ad_id) FROM ads.ads WHERE advertiser_id = $account"),
	qr/22012.*division by zero/, 'an error above the scan');
api_reset();
nothing_left('an error above the scan');

# ---- changes under an open scan -----------------------------------------------

$session->query("BEGIN; DECLARE c CURSOR FOR $ads ORDER BY ad_name; DECLARE d CURSOR FOR $ads");
$session->query('MOVE 12 IN d');
# the options that a scan began with are those it ends with
$other->query("ALTER SERVER tiktok OPTIONS (SET page_size '7')");
is($session->query('MOVE ALL IN d'), '', 'the rest of a cursor whose server changes');
is($session->query("SELECT count(*) FROM ads.campaigns WHERE advertiser_id = 7002238017842757633"), '5',
	'another scan of the same transaction');
$session->query('COMMIT');
is($session->query($count), "$total|$total", 'new options for the next');
$other->query("ALTER SERVER tiktok OPTIONS (SET page_size '10')");
$session->query("PREPARE p AS $count");
is($session->query('EXECUTE p'), "$total|$total", 'a prepared scan');
$other->query('ALTER FOREIGN TABLE ads.ads DROP COLUMN ad_name, DROP COLUMN ad_text');
is($session->query('EXECUTE p'), "$total|$total", 'and once more, with fewer columns');
$other->query('ALTER FOREIGN TABLE ads.ads ADD COLUMN ad_name text');
is($session->query("SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $account"), $total,
	'a column that is there again');
$other->query("ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (SET access_token 'another')");
like($session->query('EXECUTE p'), qr/28000/, 'a new token is used at once');
$other->query("ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (SET access_token '$TOKEN')");
is($session->query('EXECUTE p'), "$total|$total", 'and the right one too');
nothing_left('changes');

# ---- who waits is seen, and locks nothing --------------------------------------

api_faults([{ match => { path => 'ad/get' }, times => 0, action => { hang => JSON::PP::true } }]);
$session->send($count);
ok( $node->poll_query_until(
		'postgres', 'SELECT wait_event_type = \'Extension\' FROM pg_stat_activity WHERE pid = ' . $session->pid),
	'waiting for the API is an event of the extension');
# PostgreSQL 17 and later know events of extensions by name
my $named = $node->pg_version->major >= 17;
is( $other->query('SELECT wait_event FROM pg_stat_activity WHERE pid = ' . $session->pid),
	$named ? 'TiktokFdwHttp' : 'Extension', 'which says for what');
is( $other->query(
		"SELECT string_agg(DISTINCT mode, ',') FROM pg_locks WHERE pid = " . $session->pid
		  . " AND relation = 'ads.ads'::regclass"),
	'AccessShareLock', 'with no more than a reader\'s lock');
$other->query('SELECT pg_cancel_backend(' . $session->pid . ')');
like($session->finish, qr/57014/, 'until it is cancelled');
api_reset();
nothing_left('a cancel');

$other->query(q{ALTER SERVER tiktok OPTIONS (SET rate_limit '1')});
$session->send($count);
ok( $node->poll_query_until('postgres',
		'SELECT wait_event = ' . ($named ? "'TiktokFdwRateLimit'" : "'Extension'")
		  . ' FROM pg_stat_activity WHERE pid = ' . $session->pid),
	'waiting for the rate limit is another');
$other->query('SELECT pg_cancel_backend(' . $session->pid . ')');
like($session->finish, qr/57014/, 'it can be cancelled, too');
$other->query(q{ALTER SERVER tiktok OPTIONS (SET rate_limit '1000')});
nothing_left('a cancel');

# ---- the end of the server -------------------------------------------------------

api_faults([{ match => {}, times => 0, action => { hang => JSON::PP::true } }]);
$session->send($count);
$node->poll_query_until('postgres',
	'SELECT wait_event_type = \'Extension\' FROM pg_stat_activity WHERE pid = ' . $session->pid);
$node->stop('fast');
like($session->finish, qr/57P01/, 'a fast shutdown does not wait for the API');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP:|leak/, 'nothing crashed, nothing leaked');

done_testing();
