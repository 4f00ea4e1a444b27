
# The scans of one query start together, and ask nothing that they did not ask
# otherwise.  Without a clock: replies are held until so many requests are there.

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
my $account = '7160093331570884610';
my %options = (%ONE_SERIES, rate_limit => 1000, max_retries => 0);

setup_fdw($node, %options);
setup_fdw($node, %options, -server => 'other', -schema => 'more', -import => ['campaigns']);
$node->safe_psql('postgres', <<SQL);
CREATE SCHEMA my;
CREATE VIEW my.report AS SELECT * FROM ads.ads_reports_daily
	WHERE advertiser_id = $account AND stat_time_day = '2026-06-15';
CREATE VIEW my.ads AS SELECT * FROM ads.ads WHERE advertiser_id = $account;
CREATE VIEW my.ad_groups AS SELECT * FROM ads.ad_groups WHERE advertiser_id = $account;
CREATE VIEW my.campaigns AS SELECT * FROM ads.campaigns WHERE advertiser_id = $account;
CREATE VIEW my.none AS SELECT * FROM ads.campaigns WHERE advertiser_id = $account AND campaign_name = 'there is none';
CREATE TABLE my.copy (ad_name text, campaign_name text);
SQL
my $session = TiktokSession->new($node);
my $hash = 'SET enable_nestloop = off; SET enable_mergejoin = off';
my $merge = 'SET enable_nestloop = off; SET enable_hashjoin = off';
my $nested = 'SET enable_hashjoin = off; SET enable_mergejoin = off';

# Rows, and the requests that they took: path and page.
sub ask
{
	my ($settings, $sql, $faults) = @_;

	api_reset();
	api_faults($faults) if $faults;
	my $rows = $session->query("$settings; $sql");
	my @asked = sort map { "$_->{path} " . ($_->{page} // '') . " $_->{advertiser_id}" } @{ api_log() };
	my $peak = api_stats()->{peak_concurrency};
	api_reset();
	$session->query('ROLLBACK; RESET ALL');
	return ($rows, \@asked, $peak);
}

# So many scans have a request under way at the same time; one after the other, the
# first would wait for the others until it fails.
sub together
{
	my ($what, $n, $settings, $sql) = @_;
	my ($right, $asked) = ask("$settings; SET tiktok_fdw.enable_prefetch = off", $sql);
	my ($rows, $now, $peak) = ask($settings, $sql,
		[{ match => {}, times => 0, action => { together => $n } }]);

	unlike($right, qr/ERROR/, "$what: rows");
	is($rows, $right, "$what: $n requests are under way together");
	cmp_ok($peak, '>=', $n, "$what: as the API sees it");
	is_deeply($now, $asked, "$what: the same requests");
	return;
}

# Nothing is asked that is not asked otherwise.
sub unchanged
{
	my ($what, $n, $settings, $sql) = @_;
	my ($right, $asked) = ask("$settings; SET tiktok_fdw.enable_prefetch = off", $sql);
	my ($rows, $now) = ask($settings, $sql);

	unlike($right, qr/ERROR/, "$what: rows");
	is($rows, $right, "$what: the same rows");
	is_deeply($now, $asked, "$what: the same requests");
	is(scalar @$now, $n, "$what: $n requests") if defined $n;
	return;
}

# ---- together ------------------------------------------------------------------

my $three = 'FROM my.report r JOIN my.ads a ON a.ad_id = r.ad_id JOIN my.campaigns c ON c.campaign_id = a.campaign_id';

together('hash joins', 3, $hash, "SELECT count(*), sum(r.spend) $three");
together('rows of a join', 3, $hash, "SELECT a.ad_id, c.campaign_name, r.spend $three ORDER BY 1");
together('rows as they come', 3, $hash, "SELECT a.ad_id, c.campaign_name, r.spend $three");
together('outer joins', 3, $hash,
	'SELECT count(*), count(r.ad_id) FROM my.campaigns c LEFT JOIN my.ads a USING (campaign_id) LEFT JOIN my.report r USING (ad_id)');
together('a full join', 2, $hash,
	'SELECT count(*) FROM my.campaigns c FULL JOIN my.ad_groups g USING (campaign_id)');
together('merge joins', 3, $merge, "SELECT count(*), sum(r.spend) $three");
together('a cross join', 2, $nested,
	'SELECT count(*) FROM my.campaigns c JOIN my.ad_groups g ON c.campaign_name < g.adgroup_name');
together('a union that is grouped', 3, 'SET enable_async_append = off',
	'SELECT count(*) FROM (SELECT ad_id FROM my.ads UNION ALL SELECT adgroup_id FROM my.ad_groups UNION ALL SELECT campaign_id FROM my.campaigns) u');
together('a union without doubles', 3, 'SET enable_async_append = off',
	'SELECT count(*) FROM (SELECT ad_id FROM my.ads UNION SELECT adgroup_id FROM my.ad_groups UNION SELECT campaign_id FROM my.campaigns) u');
together('arms that are aggregates', 3, '',
	'SELECT count(ad_id) FROM my.ads UNION ALL SELECT count(adgroup_id) FROM my.ad_groups UNION ALL SELECT count(campaign_id) FROM my.campaigns');
together('an async union beside a join', 3, $hash,
	'SELECT count(*) FROM my.campaigns c JOIN (SELECT campaign_id FROM my.ads UNION ALL SELECT campaign_id FROM my.ad_groups) u USING (campaign_id)');
together('CTEs', 3, $hash, <<'SQL');
WITH a AS MATERIALIZED (SELECT ad_id, campaign_id FROM my.ads),
	c AS MATERIALIZED (SELECT campaign_id, campaign_name FROM my.campaigns)
SELECT c.campaign_name, sum(r.spend) FROM my.report r JOIN a ON a.ad_id = r.ad_id JOIN c ON c.campaign_id = a.campaign_id GROUP BY 1 ORDER BY 1
SQL
together('scalar sub-selects', 3, '', <<'SQL');
SELECT (SELECT count(ad_id) FROM my.ads), (SELECT count(adgroup_id) FROM my.ad_groups), (SELECT max(campaign_name) FROM my.campaigns)
SQL
together('counts', 3, '',
	'SELECT (SELECT count(*) FROM my.ads), (SELECT count(*) FROM my.ad_groups), (SELECT count(*) FROM my.campaigns)');
together('a sub-select beside an aggregate', 2, '',
	'SELECT sum(spend), (SELECT count(adgroup_id) FROM my.ad_groups) FROM my.report');
together('two servers', 2, $hash,
	"SELECT count(*) FROM my.ads a JOIN more.campaigns c USING (campaign_id) WHERE c.advertiser_id = $account");
together('what is sorted for a LIMIT', 2, $hash,
	'SELECT ad_id FROM my.ads JOIN my.campaigns USING (campaign_id) ORDER BY ad_id LIMIT 1');
together('INSERT', 2, $hash,
	'INSERT INTO my.copy SELECT ad_name, c.campaign_name FROM my.ads a JOIN my.campaigns c USING (campaign_id); SELECT count(*) FROM my.copy; TRUNCATE my.copy');
together('a generic plan', 2, "$hash; SET plan_cache_mode = force_generic_plan", <<SQL);
PREPARE q (bigint) AS SELECT count(*) FROM ads.ads a JOIN ads.campaigns c USING (advertiser_id, campaign_id) WHERE advertiser_id = \$1;
EXECUTE q ($account); DEALLOCATE q
SQL

together('a cursor that outlives its transaction', 2, $hash, <<SQL);
BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT count(*) $three; COMMIT; FETCH ALL FROM h; CLOSE h
SQL
together('within a block that catches errors', 2, $hash, <<SQL);
DO \$\$ DECLARE n bigint; BEGIN
	BEGIN
		SELECT count(*) INTO n $three;
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN
		PERFORM set_config('test.n', n::text, false);
	END;
END \$\$;
SELECT current_setting('test.n')
SQL
together('a cursor that fetches a group', 2, $hash, <<SQL);
BEGIN; DECLARE c CURSOR FOR SELECT count(*) FROM my.campaigns c FULL JOIN my.ad_groups g USING (campaign_id); FETCH 1 FROM c; COMMIT
SQL

# ---- nothing that is not asked otherwise -----------------------------------------

my $join = 'FROM my.ads a JOIN my.campaigns c USING (campaign_id)';

unchanged('LIMIT of a union', 1, 'SET enable_async_append = off',
	'SELECT ad_id IS NULL FROM (SELECT ad_id FROM my.ads UNION ALL SELECT campaign_id FROM my.campaigns) u LIMIT 1');
unchanged('LIMIT 0', 0, $hash, "SELECT ad_id $join LIMIT 0");
unchanged('EXISTS', 1, 'SET enable_async_append = off',
	'SELECT EXISTS (SELECT FROM my.ads UNION ALL SELECT FROM my.campaigns)');
# (from 18 on ads may be what is read first)
unchanged('a semi-join with nothing before it', undef, $hash,
	'SELECT count(*) FROM my.none n WHERE EXISTS (SELECT FROM my.ads a WHERE a.campaign_id = n.campaign_id)');
unchanged('an anti-join with nothing before it', 1, $hash,
	'SELECT count(*) FROM my.none n WHERE NOT EXISTS (SELECT FROM my.ads a WHERE a.campaign_id = n.campaign_id)');
unchanged('a sub-select that a row needs', 1, '',
	'SELECT (SELECT max(a.ad_name) FROM my.ads a WHERE a.campaign_id = n.campaign_id) FROM my.none n');
unchanged('a sub-select that may not be needed', 1, '',
	'SELECT CASE WHEN count(campaign_id) > 0 THEN (SELECT count(ad_id) FROM my.ads) END FROM my.none');
unchanged('a CTE that nobody reads', 1, '',
	'WITH a AS MATERIALIZED (SELECT ad_id FROM my.ads) SELECT count(campaign_id) FROM my.none');
unchanged('a CTE read by what is not read', 1, $nested,
	'WITH a AS MATERIALIZED (SELECT campaign_id FROM my.ads) SELECT count(*) FROM my.none n WHERE EXISTS (SELECT FROM a WHERE a.campaign_id > n.campaign_id)');
unchanged('a condition that is false', 1, '',
	"SELECT count(campaign_id) FROM my.campaigns WHERE (SELECT count(*) FROM my.none) = 1");
unchanged('the second of two conditions', 1, '',
	"SELECT 1 WHERE (SELECT count(campaign_id) FROM my.none) = 1 AND (SELECT count(ad_id) FROM my.ads) > 0");
unchanged('EXPLAIN', 0, $hash, "EXPLAIN (COSTS off) SELECT count(*) $three");
unchanged('a cursor that fetches one row of a union', 1, 'SET enable_async_append = off', <<'SQL');
BEGIN; DECLARE c CURSOR FOR SELECT 1 FROM my.ads UNION ALL SELECT 2 FROM my.campaigns; FETCH 1 FROM c; COMMIT
SQL
unchanged('a cursor on a join of nothing', 1, $hash, <<'SQL');
BEGIN; DECLARE c CURSOR FOR SELECT 1 FROM my.none n LEFT JOIN my.ads a USING (campaign_id); FETCH 1 FROM c; COMMIT
SQL
unchanged('a loop that is left', 1, 'SET enable_async_append = off', <<'SQL');
DO $$ DECLARE r record; BEGIN
	FOR r IN SELECT ad_id FROM my.ads UNION ALL SELECT campaign_id FROM my.campaigns LOOP EXIT; END LOOP;
END $$
SQL
unchanged('a nested loop with parameters', 2, "$nested; SET enable_material = off", <<'SQL');
SELECT count(*) FROM (SELECT campaign_id FROM my.campaigns ORDER BY 1 LIMIT 1) c JOIN LATERAL (SELECT ad_id FROM my.ads a WHERE a.campaign_id = c.campaign_id OFFSET 0) a ON true
SQL

# ---- an empty side costs one request a scan at most --------------------------------

my $year = "(SELECT campaign_id, spend FROM ads.campaigns_reports_daily WHERE advertiser_id = $account AND stat_time_day BETWEEN '2026-01-01' AND '2026-06-29')";

foreach my $sql ("SELECT count(*) FROM my.none n LEFT JOIN $year y USING (campaign_id)",
	"SELECT count(*) FROM my.none n LEFT JOIN $year y USING (campaign_id) LEFT JOIN my.ads a USING (campaign_id)")
{
	my ($right, $asked) = ask("$hash; SET tiktok_fdw.enable_prefetch = off", $sql);
	my ($rows, $now) = ask($hash, $sql);
	my %in_vain;

	is("$right $rows", '0 0', "an empty side: $sql");
	is(scalar @$asked, 1, 'nothing else is asked');
	$in_vain{ (split ' ')[0] }++ foreach @$now;
	is(join(' ', map { "$_=$in_vain{$_}" } sort keys %in_vain),
		join(' ', map { "$_=1" } sort keys %in_vain), 'one request of each of the others is in vain');
}

# ---- what is seen of it ------------------------------------------------------------

$session->query($hash);
like($session->query("EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT count(*) $three"),
	qr/(Prefetched Requests: 1\b.*){2}/s, 'EXPLAIN ANALYZE tells of it');
unlike($session->query("EXPLAIN SELECT count(*) $three"), qr/Prefetched/, 'EXPLAIN has nothing to tell');
like($session->query("EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT count(*) FROM my.none n LEFT JOIN my.ads a USING (campaign_id)"),
	qr/never executed.*Requests: 0\s+Prefetched Requests: 1/s, 'and of what was in vain');

# ---- errors --------------------------------------------------------------------------

my $broken = [{ match => { path => 'ad/get' }, times => 0, action => { code => 50000, message => 'broken' } }];
my ($rows) = ask($hash, "SELECT count(*) FROM my.none n LEFT JOIN my.ads a USING (campaign_id)", $broken);
is($rows, '0', 'an error of a request that nobody needs is none');
($rows) = ask($hash, "SELECT count(*) FROM my.campaigns n LEFT JOIN my.ads a USING (campaign_id)", $broken);
like($rows, qr/ERROR.*: broken.*ad\/get/s, 'of one that is needed it is');
($rows) = ask($hash, "SELECT count(*) FROM my.campaigns n LEFT JOIN my.ads a USING (campaign_id)",
	[{ match => { path => 'campaign/get' }, action => { code => 50000, message => 'broken first' } }, @$broken]);
like($rows, qr/ERROR.*broken first.*campaign\/get/s, 'and it is the error of the scan that is read');
$session->query('DROP USER MAPPING FOR CURRENT_USER SERVER other');
my $elsewhere = "LEFT JOIN more.campaigns o ON o.advertiser_id = $account AND o.campaign_id = n.campaign_id";
($rows) = ask($hash, "SELECT count(*) FROM my.none n $elsewhere");
is($rows, '0', 'a user mapping that is not needed need not be there');
($rows) = ask($hash, "SELECT count(*) FROM my.campaigns n $elsewhere");
like($rows, qr/ERROR:  28000: there is no user mapping/, 'one that is needed is missed');
is($session->query("BEGIN; SAVEPOINT s; SELECT count(*) FROM my.none n $elsewhere; ROLLBACK TO s; SELECT 'on'; COMMIT"), "0\non",
	'transactions go on');

# a function that someone wrote is called where the query says
$session->query(<<SQL);
CREATE FUNCTION my.account() RETURNS bigint STABLE LANGUAGE plpgsql AS
\$\$ BEGIN RAISE WARNING 'called'; RETURN $account; END \$\$
SQL
my %called;
foreach my $setting ('on', 'off')
{
	($rows) = ask("$hash; SET tiktok_fdw.enable_prefetch = $setting",
		'SELECT count(*) FROM my.none n LEFT JOIN (SELECT campaign_id FROM ads.ads WHERE advertiser_id = my.account() OFFSET 0) a USING (campaign_id)');
	$called{$setting} = () = $rows =~ /called/g;
}
is($called{on}, $called{off}, 'functions are not called ahead');

# ---- bounds ------------------------------------------------------------------------------

my $full = 'SELECT count(*) FROM ads.campaigns c FULL JOIN ads.ad_groups g USING (advertiser_id, campaign_id)';

$session->query("ALTER SERVER tiktok OPTIONS (ADD concurrency '2')");
my $held = [{ match => {}, times => 0, action => { together => 2 } }];
(undef, undef, my $peak) = ask($hash, "SELECT count(*) $three", $held);
is($peak, 2, 'three scans have no more requests under way than the server takes');
$session->query("ALTER SERVER tiktok OPTIONS (SET concurrency '20')");
my ($right, $asked) = ask("$hash; SET tiktok_fdw.enable_prefetch = off", $full);
my @lists = grep { /oauth2/ } @$asked;
($rows, my $now, $peak) = ask($hash, $full,
	[map { { match => { path => $_ }, times => 0, action => { together => @$asked - @lists } } } 'campaign/get', 'adgroup/get']);
is($rows, $right, 'scans of all accounts start together');
is($peak, @$asked - @lists, 'each account of each');
is(scalar(grep { /oauth2/ } @$now), 1, 'the list of accounts is asked for once');
is_deeply([grep { !/oauth2/ } @$now], [grep { !/oauth2/ } @$asked], 'all else is the same');
$session->query("ALTER SERVER tiktok OPTIONS (DROP concurrency)");

# ---- what a plan cost as a whole -------------------------------------------------------

my $explain = 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)';
my $pair = 'SELECT count(*) FROM my.campaigns c JOIN my.ad_groups g USING (campaign_id)';
foreach my $shown ($session->query("$explain $pair"), $session->query("$explain SELECT 1 FROM my.none UNION ALL ($pair)"))
{
	my $sum = 0;

	$sum += $_ foreach $shown =~ /^ *Requests: (\d+)/mg;
	cmp_ok($sum, '>', 1, 'scans have requests');
	if ($node->safe_psql('postgres', 'SHOW server_version_num') >= 180000)
	{
		is($1, $sum, 'from 18 on EXPLAIN adds them up') if $shown =~ /^TikTok Requests In All: (\d+)$/m or fail($shown);
		like($shown, qr/^TikTok Retries In All: 0$/m, 'and the retries');
	}
	else
	{
		unlike($shown, qr/In All/, 'before 18 nobody adds them up');
	}
}
unlike($session->query("$explain SELECT * FROM my.campaigns"), qr/In All/, 'of one scan there is nothing to add up');

# ---- rescans, ends, cancels ------------------------------------------------------------

foreach my $setting ('on', 'off')
{
	my $sql = 'SELECT count(*) FROM (SELECT 1 FROM my.campaigns LIMIT 3) c CROSS JOIN (SELECT 1 FROM my.ad_groups OFFSET 0) g';
	my ($found, $asked) = ask("$nested; SET enable_material = off; SET tiktok_fdw.enable_prefetch = $setting", $sql);

	is(scalar(grep { /adgroup/ } @$asked), 3, "prefetch $setting: an inner side is read once for each row, and the first time ahead");
}
api_faults([{ match => {}, times => 0, action => { hang => 1 } }]);
$session->send("SELECT count(*) $three");
$node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM pg_stat_activity WHERE pid = ' . $session->pid . " AND state = 'active' AND wait_event_type = 'Extension'");
$node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . $session->pid . ')');
like($session->finish, qr/ERROR:  57014/, 'a cancel while three scans wait');
api_reset();
is($session->query('SELECT count(*) FROM my.campaigns'), $session->query('SELECT count(campaign_id) FROM my.campaigns'),
	'the session goes on');
is_deeply(api_violations(), [], 'asked as documented');
$node->stop;
done_testing();
