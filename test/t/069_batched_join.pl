
# Batched joins where a server of its own is needed: what is asked, rows that change while
# they are locked, cancelling, memory.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use TiktokSession;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

api_start();
my $node = new_node('main');
my $account = '7088160322559787010';    # 2,412 ads
setup_fdw($node, rate_limit => 1000, -import => [ 'ads', 'ads_reports_daily' ]);
$node->safe_psql('postgres', qq{
	CREATE VIEW june AS SELECT * FROM ads.ads_reports_daily
		WHERE advertiser_id = $account AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-29';
	CREATE TABLE found AS SELECT ad_id, sum(spend) AS spend, row_number() OVER (ORDER BY ad_id) AS n
		FROM june GROUP BY 1;
	CREATE TABLE mine AS SELECT ad_id, n, 'ad ' || n AS tag FROM found WHERE n <= 250;
	ANALYZE found, mine;
});
my $session = TiktokSession->new($node);
my $other = TiktokSession->new($node);

# whether a session has it planned so
sub is_batched
{
	my ($query, $what) = @_;
	like($session->query("EXPLAIN $query"), qr/TikTok Batched Join/, $what);
	return;
}

# ---- what is asked -----------------------------------------------------------

my $join = 'SELECT count(*), sum(r.spend), count(DISTINCT m.n) FROM mine m JOIN june r USING (ad_id)';
my $right = $session->query('SELECT count(*), (SELECT sum(spend) FROM found WHERE n <= 250), 250 FROM june WHERE ad_id <= (SELECT max(ad_id) FROM mine)');
is_batched($join, '250 ads of some two thousand are asked for in batches');
api_reset();
is($session->query($join), $right, 'all rows of the ads, and no others');
my %asked;
my %lists;
foreach my $request (@{ api_log('report/integrated') })
{
	my $filters = $request->{params}{filtering};

	$filters = decode_json($filters) unless ref $filters;
	my ($filter) = grep { $_->{field_name} eq 'ad_ids' } @$filters;
	my $value = $filter->{filter_value};
	my @ids = @{ ref $value ? $value : decode_json($value) };
	cmp_ok(scalar @ids, '<=', 100, 'a request has at most a hundred ids');
	$asked{$_} = 1 foreach @ids;
	$lists{ join(',', sort @ids) } = 1;
}
is(scalar keys %lists, 3, '250 ids are three lists');
is(join(',', sort keys %asked), join(',', sort split /\n/, $session->query('SELECT ad_id FROM mine')), 'of all keys');
is_deeply(api_violations(), [], 'asked as documented');

# ---- rows that a policy hides ------------------------------------------------------

# on the outer side; and conditions of a user's own, which must not see them either
$node->safe_psql('postgres', q{
	CREATE ROLE reader;
	CREATE TABLE hidden AS SELECT ad_id, n FROM found WHERE n <= 250;
	ANALYZE hidden;
	ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
	CREATE POLICY first_ones ON hidden USING (n <= 30);
	GRANT SELECT ON hidden, june TO reader;
	CREATE FUNCTION peek(n bigint) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
		'BEGIN IF n > 30 THEN RAISE EXCEPTION ''saw %'', n; END IF; RETURN true; END';
});
my $visible = $session->query('SELECT count(*), sum(r.spend) FROM found f JOIN june r USING (ad_id) WHERE f.n <= 30');
$session->query('SET ROLE reader');
foreach my $peek ('', ' WHERE peek(h.n)')
{
	my $query = "SELECT count(*), sum(r.spend) FROM hidden h JOIN june r USING (ad_id)$peek";
	is_batched($query, "a table with a policy$peek");
	api_reset();
	is($session->query($query), $visible, 'has the rows that the policy shows');
	my %ids;
	foreach my $request (@{ api_log('report/integrated') })
	{
		$ids{$_} = 1 foreach $request->{params}{filtering} =~ /(\d{16,})/g;
	}
	is(scalar(keys %ids), 30, 'and asks for these only');
}
$session->query('RESET ROLE');

# ---- rows that change ----------------------------------------------------------

# While a row is waited for, it gets another tag, another ad, or goes: PostgreSQL checks it
# again with the foreign row that it met, as for its own joins.
my $locks = "SELECT m.n, m.tag, r.spend IS NULL FROM mine m %s ads.ads_reports_daily r ON r.ad_id = m.ad_id "
  . "AND r.advertiser_id = $account AND r.stat_time_day = '2026-06-15' WHERE m.n < 40 FOR UPDATE OF m";
my $update = "UPDATE mine m SET tag = m.tag || '!' FROM ads.ads_reports_daily r WHERE r.ad_id = m.ad_id "
  . "AND r.advertiser_id = $account AND r.stat_time_day = '2026-06-15' AND m.n < 40 RETURNING m.n, m.tag, false";

sub changed_while_locked
{
	my ($query, $on) = @_;

	$session->query("SET tiktok_fdw.enable_batched_join = $on");
	$session->query('SET enable_nestloop = off') if $on eq 'off';
	my $plan = $session->query("EXPLAIN $query");
	is($plan =~ /TikTok Batched Join/ ? 'on' : 'off', $on, 'planned so');
	$session->query('BEGIN');
	$other->query('BEGIN');
	$other->query("UPDATE mine SET tag = 'new ' || n WHERE n % 3 = 0");
	$other->query('UPDATE mine SET ad_id = ad_id + 1 WHERE n % 5 = 0');
	$other->query('DELETE FROM mine WHERE n % 7 = 0');
	$session->send($query);
	$node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = " . $session->pid)
	  or die 'no lock is waited for';
	$other->query('COMMIT');
	my $rows = $session->finish;
	$session->query('ROLLBACK');
	$session->query('RESET ALL');
	# as it was
	$session->query("DELETE FROM mine");
	$session->query("INSERT INTO mine SELECT ad_id, n, 'ad ' || n FROM found WHERE n <= 250");
	$session->query('ANALYZE mine');
	return join("\n", sort split /\n/, $rows);
}

foreach my $case ([ sprintf($locks, 'JOIN'), 'FOR UPDATE' ], [ sprintf($locks, 'LEFT JOIN'), 'FOR UPDATE of a left join' ],
	[ $update, 'UPDATE … FROM' ])
{
	my ($query, $what) = @$case;
	my $rows = changed_while_locked($query, 'on');
	like($rows, qr/new \d+/, "$what: the new values of rows");
	is($rows, changed_while_locked($query, 'off'), "$what: the rows of PostgreSQL's own join");
}

# ---- cancel ----------------------------------------------------------------------

api_faults([ { match => { path => 'report/integrated/get' }, times => 0, action => { delay_ms => 20_000 } } ]);
$session->send($join);
$node->poll_query_until('postgres', "SELECT wait_event_type IN ('Extension', 'IPC') FROM pg_stat_activity WHERE pid = " . $session->pid)
  or die 'nothing is waited for';
my $begin = time();
$other->query('SELECT pg_cancel_backend(' . $session->pid . ')');
like($session->finish, qr/57014/, 'a join that waits for its keys is cancelled');
cmp_ok(time() - $begin, '<', 5, 'at once');
api_reset();
is($session->query($join), $right, 'and the session goes on');
is($session->query("BEGIN; DECLARE c CURSOR FOR SELECT m.n FROM mine m JOIN june r USING (ad_id) ORDER BY m.n; FETCH 1 FROM c; COMMIT"),
	'1', 'a cursor that is closed early');

# ---- memory ------------------------------------------------------------------------

# kB
sub peak_memory
{
	return slurp_file('/proc/' . $session->pid . '/status') =~ /VmHWM:\s+(\d+) kB/ ? $1 : die 'no VmHWM';
}

SKIP:
{
	skip 'no /proc', 3 unless -e '/proc/self/status';
	$session->query("SET work_mem = '1MB'");
	$session->query("SET $_ = off") foreach ('enable_hashjoin', 'enable_mergejoin', 'enable_nestloop', 'jit');
	my $many = q{FROM (SELECT m.*, repeat('x', 1000) || i AS wide FROM mine m, generate_series(1, 240) i) m
		LEFT JOIN ads.ads_reports_daily r ON r.ad_id = m.ad_id AND r.advertiser_id = } . $account
	  . q{ AND r.stat_time_day = '2026-06-15'};
	is_batched("SELECT count(*), sum(length(wide)), count(r.spend) $many", 'sixty megabytes of outer rows');
	my $before = peak_memory();
	like($session->query("SELECT count(*), sum(length(wide)), sum((r.spend IS NULL)::int) < 60000 $many"),
		qr/^60000\|\d+\|t$/, 'are all joined');
	my $grown = peak_memory() - $before;
	cmp_ok($grown, '<', 30_000, 'in batches of work_mem');
}

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing crashed');
$node->stop;
done_testing();
