
# tiktok.stat_activity: what the scans of all sessions are doing, and who may see it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use TiktokSession;
use PostgreSQL::Test::Utils;
use Test::More;

my $api = api_start();
# (below a Gather, of which debug_parallel_query makes one, nothing begins ahead)
my $node = new_node('main', conf => "max_parallel_workers_per_gather = 0\n");
my $account = '7160093331570884610';    # 151 ads: 16 pages of 10

setup_fdw($node, %ONE_SERIES, rate_limit => 1000, page_size => 10, concurrency => 2);
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE reader LOGIN;
CREATE ROLE other LOGIN;
CREATE ROLE stats LOGIN IN ROLE pg_read_all_stats;
GRANT USAGE ON SCHEMA ads, tiktok TO reader, other, stats;
GRANT SELECT ON ALL TABLES IN SCHEMA ads TO reader;
GRANT USAGE ON FOREIGN SERVER tiktok TO reader;
CREATE DATABASE elsewhere;
SQL
$node->safe_psql('elsewhere', 'CREATE EXTENSION tiktok_fdw');
$node->safe_psql('postgres', "CREATE USER MAPPING FOR reader SERVER tiktok OPTIONS (access_token '$TOKEN', app_id '$APP_ID', secret '$SECRET')");
my $session = TiktokSession->new($node);
my $pid = $session->pid;
my $ads = "FROM ads.ads WHERE advertiser_id = $account";
my $what = "SELECT relation, requests, in_flight, planned, rows, waiting FROM tiktok.stat_activity WHERE pid = $pid ORDER BY started";

sub seen
{
	my ($user, $db) = @_;
	return $node->safe_psql($db // 'postgres', "SET ROLE $user; $what");
}

# Until it looks like this.
sub comes
{
	my ($name, $expected) = @_;
	my $query = "SELECT string_agg(concat_ws('|', relation, requests, in_flight, planned, rows, waiting), ' ' ORDER BY started) FROM tiktok.stat_activity WHERE pid = $pid";

	ok($node->poll_query_until('postgres', $query, $expected), $name)
	  or diag($node->safe_psql('postgres', $query));
	return;
}

sub end
{
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	like($session->finish, qr/ERROR:  57014/, 'ended');
	api_reset();
	is(seen('NONE'), '', 'nothing is left of it');
	return;
}
is(seen('NONE'), '', 'nobody does anything');

# ---- what it waits for -----------------------------------------------------------

api_faults([{ match => { page => 1 }, action => { hang => 1 } }]);
$session->send("SELECT count(ad_id) $ads");
comes('the first page', 'ads.ads|0|1|1|0|reply');
end();
# two pages came; the third and the fourth are under way
api_faults([map { { match => { page => $_ }, times => 0, action => { hang => 1 } } } 3, 4]);
$session->send("SELECT count(ad_id) $ads");
comes('pages that are known of', 'ads.ads|2|2|16|20|reply');
end();
api_faults([{ match => { page => 1 }, times => 0, action => { http_status => 503, body => 'no', headers => { 'Retry-After' => 60 } } }]);
$session->send("SELECT count(ad_id) $ads");
ok($node->poll_query_until('postgres', "SELECT waiting IN ('pause', 'rate limit') AND in_flight = 0 AND requests = 1 FROM tiktok.stat_activity WHERE pid = $pid"),
	'a pause before a try again');
end();

# a cursor, whose rows are used
$session->query("BEGIN; DECLARE c CURSOR FOR SELECT ad_id $ads; FETCH 1 FROM c");
like(seen('NONE'), qr/^ads\.ads\|[12]\|\d\|16\|[12]0\|query$/, 'rows are used');
$session->query('COMMIT');
is(seen('NONE'), '', 'the cursor is closed');

# one that is ahead
api_faults([{ match => {}, times => 0, action => { hang => 1 } }]);
$session->send("SET enable_async_append = off; SELECT count(*) FROM (SELECT ad_id $ads UNION SELECT campaign_id FROM ads.campaigns WHERE advertiser_id = $account) u");
ok($node->poll_query_until('postgres', "SELECT string_agg(concat_ws('|', relation, requests, in_flight, waiting), ' ' ORDER BY waiting DESC) FROM tiktok.stat_activity WHERE pid = $pid",
	'ads.ads|0|1|reply ads.campaigns|0|1|query'), 'of two scans, one is ahead');
end();

# ---- who may see it -----------------------------------------------------------------

api_faults([{ match => {}, times => 0, action => { hang => 1 } }]);
$session->send("SELECT count(ad_id) $ads");
comes('a scan of a superuser', 'ads.ads|0|1|1|0|reply');
is(seen('other'), '|||||', 'another role sees that it is there');
is(seen('stats'), 'ads.ads|0|1|1|0|reply', 'who may read all statistics sees all');
is(seen('NONE', 'elsewhere'), '', 'in another database it is not there');
end();
my $reader = TiktokSession->new($node);
$reader->query('SET SESSION AUTHORIZATION reader');
$pid = $reader->pid;
$what =~ s/pid = \d+/pid = $pid/;
api_faults([{ match => {}, times => 0, action => { hang => 1 } }]);
$reader->send("SELECT count(ad_id) $ads");
comes('a scan of a reader', 'ads.ads|0|1|1|0|reply');
is(seen('reader'), 'ads.ads|0|1|1|0|reply', 'who sees it');
is(seen('other'), '|||||', 'and others do not');

# a session that is ended
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
$reader->finish;
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM tiktok.stat_activity'), 'nothing is left of a session that was ended');
$node->stop;
done_testing();
