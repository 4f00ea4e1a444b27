
# Live views: settled days from the snapshot, younger ones from the API, in one plan and
# with no request too many; and the probe, by which a refresh reads no rows of accounts
# whose totals are what the snapshot holds.

use strict;
use warnings;

use FindBin;
use JSON::PP ();
use lib $FindBin::Bin;
use POSIX qw(strftime);
use TiktokSession;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

# Snapshots go by the clock, so the API has to as well; not across midnight.
plan skip_all => 'it is almost midnight in UTC' if strftime('%H:%M', gmtime) =~ /^23:5/;
my $today = strftime('%Y-%m-%d', gmtime);
my $first = '7002238017842757633';
my @accounts = ($first, map { "73000000000000001$_" } (10 .. 28));

sub day { return strftime('%Y-%m-%d', gmtime(time + $_[0] * 86400)); }

api_start('--today', $today);
api_mutate([ map { { op => 'add_account', advertiser_id => $_, name => "Account $_", ads => 12 } } @accounts[ 1 .. 19 ] ]);
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, advertiser_ids => join(',', @accounts[ 0, 1 ]),
	-import => [qw(campaigns campaigns_reports_daily campaigns_reports_hourly campaigns_reports_weekly ads_reports_daily
		campaigns_audience_reports_by_country_daily advertisers_reports_daily)]);

sub ask { return $node->safe_psql('postgres', $_[0]); }

# What a statement returns, and the requests it took.
sub counted
{
	my ($sql) = @_;

	api_reset();
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", on_error_stop => 1);
	is($rc, 0, 'runs') or diag("$sql\n$err");
	return ($out, scalar(@{ api_log() }), $err);
}

sub fails
{
	my ($sql, $pattern, $name) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", on_error_stop => 1);

	ok($rc != 0 && $err =~ $pattern, $name) or diag("$rc: $err");
}

# Rows of one query and not of the other, and how many there are.
sub differences
{
	my ($one, $other) = @_;

	return ask(qq{WITH a AS MATERIALIZED ($one), b AS MATERIALIZED ($other)
		SELECT (SELECT count(*) FROM (TABLE a EXCEPT ALL TABLE b) AS x)
			+ (SELECT count(*) FROM (TABLE b EXCEPT ALL TABLE a) AS y), (SELECT count(*) > 100 FROM b)});
}

ask(q{CREATE SCHEMA mart});

# ---- before anything was read: all from the API -----------------------------------

my $since = day(-60);
my $settled = day(-8);
ask(qq{SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.d', since => '$since',
		partition_by => 'month');
	SELECT tiktok.create_snapshot('ads.campaigns', 'mart.c')});
api_reset();
is(ask(q{SET search_path = mart; SELECT tiktok.create_live_view('d', 'd_live')}), 'd_live', 'named as in CREATE VIEW');
is(scalar(@{ api_log() }), 0, 'without a request');
is(ask(q{SELECT tiktok.settled('mart.d')}), $since, 'nothing is settled before since');
my $source = "SELECT * FROM ads.campaigns_reports_daily WHERE stat_time_day >= '$since'";
is(differences('SELECT * FROM mart.d_live', $source), '0|t', 'all from the API');

# ---- a source and a snapshot in one -----------------------------------------------

ask(q{CALL tiktok.refresh('mart.d')});
# half a day after midnight everywhere on earth, the watermark is the day before
$settled = ask(q{SELECT watermark - 7 FROM tiktok.snapshots WHERE target = 'mart.d'::regclass});
is(ask(q{SELECT tiktok.settled('mart.d')}), $settled, 'the watermark less the window');
my $last_settled = ask(qq{SELECT date '$settled' - 1});
is(differences('SELECT * FROM mart.d_live', $source), '0|t', 'the same rows');
is(ask(q{SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = 'mart.d_live'::regclass}),
	ask(q{SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = 'ads.campaigns_reports_daily'::regclass AND attnum > 0}), 'the columns of the source');
is(ask(q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'mart.d_live'::regclass
		AND col_description(attrelid, attnum) IS NULL}), 0, 'with their comments');
like(ask(q{SELECT obj_description('mart.d_live'::regclass)}), qr/settled days from mart\.d/, 'and one of its own');

# restated where days are settled and where they are not: the view has the old and the new
api_mutate([ { op => 'restate', advertiser_id => $first, from => day(-40), to => day(0), percent => 130 },
	{ op => 'restate', advertiser_id => $accounts[1], from => day(-3), to => day(-3), percent => 50 } ]);
cmp_ok((split /\|/, differences('TABLE mart.d_live', $source))[0], '>', 0, 'what was restated is not all seen');
is(differences("SELECT * FROM mart.d_live WHERE stat_time_day >= '$settled'",
		"SELECT * FROM ads.campaigns_reports_daily WHERE stat_time_day >= '$settled'") =~ s/\|.*//r, 0,
	'days that are not settled are the API\'s');
my $columns = ask(q{SELECT string_agg(quote_ident(name), ', ') FROM tiktok._source_columns('ads.campaigns_reports_daily')});
is(differences("SELECT * FROM mart.d_live WHERE stat_time_day < '$settled'",
		"SELECT $columns FROM mart.d WHERE stat_time_day < '$settled'"), '0|t', 'those that are, the snapshot\'s');

# ---- what dashboards ask ------------------------------------------------------------

my ($from, $zone) = (day(-50), "SET timezone = 'America/New_York';");
my @queries = (
	[ 'settled days, a constant', "SELECT sum(spend) FROM mart.d_live WHERE stat_time_day BETWEEN '$from' AND '$last_settled'", 0 ],
	[ 'settled days, Grafana\'s filter', "$zone SELECT stat_time_day, sum(spend) FROM mart.d_live
		WHERE stat_time_day BETWEEN '${from}T04:00:00Z'::timestamptz AND '${last_settled}T03:59:59.999Z'::timestamptz GROUP BY 1", 0 ],
	[ 'the last month by day', 'SELECT stat_time_day, sum(spend) FROM mart.d_live WHERE stat_time_day >= current_date - 29 GROUP BY 1', 2 ],
	[ 'one account, a join', "SELECT a, sum(spend) FROM (VALUES ($first)) AS v (a) JOIN mart.d_live ON advertiser_id = a
		WHERE stat_time_day >= current_date - 29 GROUP BY 1", 1 ],
	[ 'everything', 'SELECT count(*), sum(clicks) FROM mart.d_live', 2 ],
	[ 'the month before last, by date_trunc', "SELECT sum(spend) FROM mart.d_live
		WHERE stat_time_day >= date_trunc('month', date '$last_settled') - interval '1 month'
			AND stat_time_day < date_trunc('month', date '$last_settled')", 0 ]);

sub same_as_union
{
	my ($sql) = @_;
	my $union = "(SELECT $columns FROM mart.d WHERE stat_time_day < '$settled'
		UNION ALL SELECT $columns FROM ads.campaigns_reports_daily WHERE stat_time_day >= '$settled') AS d_live";

	return $sql =~ s/mart\.d_live/$union/r;
}

foreach my $query (@queries)
{
	my ($name, $sql, $expected) = @$query;
	my $wanted = ask(same_as_union($sql));
	my ($found, $requests) = counted($sql);

	is($found, $wanted, "$name: the answer");
	is($requests, $expected, "$name: its requests");
}
# the same with the reader's own rights, and in generic plans, whatever the type of a value
ask(q{ALTER VIEW mart.d_live SET (security_invoker)});
foreach my $query (@queries)
{
	my ($name, $sql, $expected) = @$query;

	is((counted($sql))[1], $expected, "$name: as an invoker's view");
}
ask(q{ALTER VIEW mart.d_live RESET (security_invoker)});
my $grafana = "$zone SET plan_cache_mode = force_generic_plan;
	PREPARE g(timestamptz, timestamptz) AS SELECT stat_time_day, sum(spend) FROM mart.d_live
		WHERE stat_time_day BETWEEN \$1 AND \$2 GROUP BY 1 ORDER BY 1;";
foreach my $case ([ 'settled', "${from}T04:00:00Z", "${last_settled}T03:59:59.999Z", 0 ], [ 'young', "${from}T04:00:00Z", "${today}T03:59:59.999Z", 2 ])
{
	my ($name, $begin, $end, $expected) = @$case;
	my $wanted = ask(same_as_union("$zone SELECT stat_time_day, sum(spend) FROM mart.d_live
		WHERE stat_time_day BETWEEN '$begin'::timestamptz AND '$end'::timestamptz GROUP BY 1 ORDER BY 1"));
	my ($found, $requests) = counted("$grafana EXECUTE g('$begin', '$end')");

	is($found, $wanted, "Grafana's filter in a generic plan, $name days: the answer");
	is($requests, $expected, 'and its requests');
	($found, $requests) = counted("$zone CREATE MATERIALIZED VIEW mart.g AS SELECT stat_time_day, sum(spend) FROM mart.d_live
		WHERE stat_time_day BETWEEN '$begin'::timestamptz AND '$end'::timestamptz GROUP BY 1; TABLE mart.g ORDER BY 1; DROP MATERIALIZED VIEW mart.g");
	is($found, $wanted, 'under a materialized view, likewise');
	is($requests, $expected, 'with as many');
}
foreach my $request (@{ api_log(qr/report/) })
{
	cmp_ok($request->{params}{start_date} // $settled, 'ge', $settled, 'never a settled day');
}

# one plan, both arms in it, the other months of the snapshot not
my $plan = ask("EXPLAIN (VERBOSE, COSTS OFF) SELECT stat_time_day, spend FROM mart.d_live
	WHERE stat_time_day BETWEEN '$settled' AND '$settled'");
like($plan, qr/Foreign Scan on ads\.campaigns_reports_daily.*Pushed Conditions: [^\n]*stat_time_day >= \$0/s, 'EXPLAIN has the foreign arm');
like($plan, qr/Scan .*on mart\.d_\d/, 'and the local one');
is(scalar(() = $plan =~ /tiktok\.settled/g), 1, 'the boundary is computed once');
is(scalar(() = $plan =~ /on mart\.d_\d+_\d+/g), 1, 'of the partitions only the one that may match');

# generic plans ask by the parameters' values
my $prepared = "SET plan_cache_mode = force_generic_plan;
	PREPARE p(date, date, bigint) AS SELECT count(*) FROM mart.d_live
		WHERE stat_time_day BETWEEN \$1 AND \$2 AND advertiser_id = \$3;";
is((counted("$prepared EXECUTE p('$from', '$last_settled', $first)"))[1], 0, 'generic plan: settled days ask nothing');
my ($found, $requests) = counted("$prepared EXECUTE p('$from', '$today', $first)");
is($requests, 1, 'others ask the account');
is($found, ask(same_as_union("SELECT count(*) FROM mart.d_live
	WHERE stat_time_day BETWEEN '$from' AND '$today' AND advertiser_id = $first")), 'for the same rows');

# outer joins: the view may be on the nullable side
is((counted("SELECT count(spend) FROM (VALUES ($first)) AS v (a) LEFT JOIN mart.d_live
	ON advertiser_id = a AND stat_time_day = '$last_settled'"))[1], 0, 'an outer join of settled days asks nothing');

# ---- rights, views and materialized views ---------------------------------------------

ask(qq{CREATE ROLE ann; CREATE ROLE bob; GRANT USAGE ON SCHEMA mart, ads TO ann, bob; GRANT SELECT ON mart.d_live TO ann});
my $settled_query = "SELECT count(*) > 0 FROM mart.d_live WHERE stat_time_day BETWEEN '$from' AND '$last_settled'";
is((counted("SET ROLE ann; $settled_query"))[0], 't', 'readers need rights on the view only');
fails("SET ROLE bob; $settled_query", qr/42501/, 'but on the view they do');
fails("SET ROLE bob; SELECT tiktok.create_live_view('mart.d', 'ads.mine')", qr/42704|42501/, 'others cannot create one');
ask(q{ALTER VIEW mart.d_live SET (security_invoker, security_barrier)});
fails("SET ROLE ann; $settled_query", qr/42501.*permission denied for (table|foreign table)/s, 'as an invoker\'s view, the reader\'s');
is((counted($settled_query))[1], 0, 'security_barrier and security_invoker: settled days ask nothing');
is((counted($queries[2][1]))[1], 2, 'and young ones a window of each account');
is(ask(q{SELECT tiktok.create_live_view('mart.d', 'mart.d_live');
	SELECT reloptions FROM pg_class WHERE oid = 'mart.d_live'::regclass}),
	"mart.d_live\n{security_invoker=true,security_barrier=true}", 'replaced: its options stay');
ask(q{ALTER VIEW mart.d_live RESET (security_invoker, security_barrier)});
ask(q{CREATE VIEW mart.mine AS TABLE mart.d_live; CREATE OR REPLACE VIEW mart.mine AS SELECT * FROM ads.campaigns_reports_daily});
fails(q{SELECT tiktok.create_live_view('mart.d', 'mart.mine')}, qr/42P07.*HINT/s, 'another view is not replaced');
ask('DROP VIEW mart.mine');
is((counted('CREATE MATERIALIZED VIEW mart.m AS SELECT advertiser_id, sum(spend) AS spend FROM mart.d_live GROUP BY 1;
	REFRESH MATERIALIZED VIEW mart.m'))[1], 4, 'a materialized view on top');
is(ask('TABLE mart.m ORDER BY 1'), ask(same_as_union('SELECT advertiser_id, sum(spend) FROM mart.d_live GROUP BY 1 ORDER BY 1')), 'with its rows');

# a dump takes the view along, and the restored one reads as this one does
my $dump = "$PostgreSQL::Test::Utils::tmp_check/live.dump";
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'dumped');
ask('CREATE DATABASE copy');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('copy'), $dump ], 'restored');
is($node->safe_psql('copy', "SELECT tiktok.settled('mart.d'); $settled_query; SELECT sum(spend) FROM mart.d_live"),
	ask("SELECT tiktok.settled('mart.d'); $settled_query; SELECT sum(spend) FROM mart.d_live"), 'with the same rows');

# ---- hours, and what has none ---------------------------------------------------------

ask(q{SELECT tiktok.materialize('ads.campaigns_reports_hourly', 'mart.h', since => current_date - 4, attribution_window => 1)});
ask(q{SELECT tiktok.create_live_view('mart.h', 'mart.h_live')});
is(differences('TABLE mart.h_live', 'SELECT * FROM ads.campaigns_reports_hourly WHERE stat_time_hour >= current_date - 4'),
	'0|t', 'hourly: the same rows');
is((counted(q{SELECT count(*) FROM mart.h_live WHERE stat_time_hour < tiktok.settled('mart.h')}))[1], 0, 'hourly: settled hours ask nothing');
ask(q{SELECT tiktok.materialize('ads.campaigns_reports_weekly', 'mart.w', since => current_date - 40)});
ask(q{SELECT tiktok.create_live_view('mart.w', 'mart.w_live')});
is(ask(q{SELECT tiktok.settled('mart.w')}), ask(qq{SELECT date_trunc('week', date '$settled')::date}), 'by week: the first that has a day to come');
is(differences('TABLE mart.w_live', 'SELECT * FROM ads.campaigns_reports_weekly WHERE stat_time_week >= current_date - 40') =~ s/\|.*//r,
	0, 'by week: the same rows');
is((counted(q{SELECT count(*) FROM mart.w_live WHERE stat_time_week < tiktok.settled('mart.w')}))[1], 0, 'by week: settled ones ask nothing');
fails(q{SELECT tiktok.create_live_view('mart.c', 'mart.c_live')}, qr/42809.*no day or hour.*HINT/s, 'no day, no live view');
fails(q{SELECT tiktok.settled('mart.c')}, qr/42809/, 'nor a settled day');
fails(q{SELECT tiktok.settled('pg_class')}, qr/42704/, 'only snapshots have one');

# ---- who holds the boundary back --------------------------------------------------------

ask(qq{ALTER FOREIGN TABLE ads.campaigns_reports_daily OPTIONS (ADD advertiser_ids '$accounts[0],$accounts[1],$accounts[2]')});
is(ask(q{SELECT tiktok.settled('mart.d')}), $since, 'an account that is new to the source: nothing is settled');
api_faults([ { match => { advertiser_id => $accounts[2] }, times => 0, action => { return_code => 40001 } } ]);
$node->psql('postgres', q{CALL tiktok.refresh('mart.d')});
api_faults([]);
is(ask(q{SELECT tiktok.settled('mart.d')}), $since, 'an account that was never read: nothing is settled');
is(differences('SELECT * FROM mart.d_live', $source), '0|t', 'and nothing is missing');
ask(qq{ALTER FOREIGN TABLE ads.campaigns_reports_daily OPTIONS (SET advertiser_ids '$accounts[0],$accounts[1]')});
is(ask(q{SELECT tiktok.settled('mart.d')}), $settled, 'one that the source leaves out does not count');
my $earlier = day(-90);
api_faults([ { match => { start_date => $earlier }, times => 0, action => { return_code => 40001 } } ]);
$node->psql('postgres', qq{CALL tiktok.refresh('mart.d', since => '$earlier')});
api_faults([]);
is(ask(q{SELECT tiktok.settled('mart.d')}), $earlier, 'earlier days that are still to come: from the API');
is(differences('SELECT * FROM mart.d_live', "SELECT * FROM ads.campaigns_reports_daily WHERE stat_time_day >= '$earlier'"),
	'0|t', 'with nothing missing');
ask(q{CALL tiktok.refresh('mart.d')});
is(ask(q{SELECT tiktok.settled('mart.d')}), $settled, 'until they came');
ask(q{SELECT tiktok.forget('mart.d')});
fails('SELECT count(*) FROM mart.d_live', qr/42704: table mart\.d is no snapshot.*HINT: +Register it again/s, 'forgotten: the view says so');

# ---- the probe ----------------------------------------------------------------------------

ask(q{ALTER FOREIGN TABLE ads.campaigns_reports_daily OPTIONS (DROP advertiser_ids);
	ALTER SERVER tiktok OPTIONS (SET advertiser_ids '} . join(',', @accounts) . q{')});
my @violations;

# What a refresh did: inserted, updated, deleted, unchanged, requests, and accounts: probed,
# unchanged, done; then the requests for rows.
sub refresh
{
	my ($arguments, @faults) = @_;

	push @violations, @{ api_violations() };
	api_reset();
	api_faults(\@faults);
	my ($rc, $out, $err) = $node->psql('postgres', 'CALL tiktok.refresh(\'mart.a\'' . ($arguments // '') . ')');
	is($rc, 0, 'refreshes') or diag($err);
	return join('|', ask(q{SELECT inserted, updated, deleted, unchanged, requests, accounts_probed, accounts_unchanged,
			accounts_done FROM tiktok.snapshot_runs WHERE target = 'mart.a'::regclass ORDER BY run DESC LIMIT 1}),
		scalar(grep { !exists $_->{params}{enable_total_metrics} } @{ api_log() }));
}

my $nothing = '0|0|0|0|20|20|20|20|0';
ask(q{SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.a', since => current_date - 20)});
like(refresh(), qr/^[1-9]\d+\|0\|0\|0\|20\|0\|0\|20\|20$/, 'what was never read is not probed');
is(refresh(), $nothing, 'nothing changed: a request for each account, and none for rows');
is(ask(q{SELECT watermark = read_on, probes, last_error FROM tiktok.snapshot_accounts
		WHERE target = 'mart.a'::regclass GROUP BY 1, 2, 3}), 't|1|', 'and they count as read');
my $read = ask(q{SELECT tiktok.settled('mart.a')});
my ($changed, $other, $third) = split /\n/, ask(qq{SELECT advertiser_id FROM mart.a
	WHERE stat_time_day >= '$read' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 3});
my $day = ask(qq{SELECT max(stat_time_day) FROM mart.a WHERE advertiser_id = $changed});
api_mutate({ op => 'restate', advertiser_id => $changed, from => $day, to => $day, percent => 150 });
my $versions = "SELECT md5(string_agg(t.ctid::text || t.xmin::text, ',' ORDER BY t.ctid)) FROM mart.a AS t WHERE advertiser_id <> $changed";
my $before = ask($versions);
like(refresh(), qr/^0\|[1-9]\d*\|0\|\d+\|21\|20\|19\|20\|1$/, 'one of 20 accounts changed: 20 requests and its window');
is(ask($versions), $before, 'nothing is written elsewhere');
is(differences("SELECT $columns FROM mart.a WHERE stat_time_day >= '$read'",
	"SELECT * FROM ads.campaigns_reports_daily WHERE stat_time_day >= '$read'") =~ s/\|.*//r, 0, 'and it is as the API has it');

# what is not certain is read
my $page = { page => 1, page_size => 1, total_number => 2, total_page => 2 };
my %sums = map { $_ => '1' } split /\n/, ask(q{SELECT unnest(tiktok._totals_columns('ads.campaigns_reports_daily'))});
foreach my $case ([ 'no totals', { data => { list => [], page_info => $page } } ],
	[ 'a total that is "-"', { data => { list => [], page_info => $page, total_metrics => { %sums, clicks => '-' } } } ],
	[ 'a total that is missing', { data => { list => [], page_info => $page, total_metrics => { %sums, conversion => undef } } } ],
	[ 'cut to 20,000 ads', { throttle => JSON::PP::true } ], [ 'refused', { return_code => 40001 } ])
{
	my ($name, $action) = @$case;

	is(refresh(', probe => false') =~ s/.*\|//r, 20, 'all are read');
	like(refresh('', { match => { advertiser_id => $third, enable_total_metrics => 'true' }, times => 1, action => $action }),
		qr/^0\|0\|0\|[1-9]\d*\|\d+\|20\|19\|20\|1$/, "$name: rows are read");
}

# rows that the target lacks, a value that somebody changed, and probe => false
ask(qq{DELETE FROM mart.a WHERE advertiser_id = $other AND stat_time_day >= '$read'});
like(refresh(), qr/^[1-9]\d*\|0\|0\|\d+\|21\|20\|19\|20\|1$/, 'rows that are missing here come again');
ask(qq{UPDATE mart.a SET conversion = conversion + 1 WHERE advertiser_id = $other AND stat_time_day >= '$read'});
like(refresh(), qr/^0\|[1-9]\d*\|0\|\d+\|21\|20\|19\|20\|1$/, 'all that adds up is compared, not money only');
like(refresh(', probe => false'), qr/^0\|0\|0\|[1-9]\d+\|20\|0\|0\|20\|20$/, 'probe => false reads, this time');
is(refresh(), $nothing, 'and the next time does not');
ask(q{SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.a', probe => false)});
is(ask(q{SELECT probe FROM tiktok.snapshots WHERE target = 'mart.a'::regclass}), 'f', 'it is kept with the snapshot');
like(refresh(), qr/^0\|0\|0\|[1-9]\d+\|20\|0\|0\|20\|20$/, 'and off then');
is(refresh(', probe => true'), $nothing, 'unless a refresh says otherwise');
ask(q{SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.a', probe => true)});

# what is stopped goes on where it was: probes and windows are committed some accounts at a
# time. The account that hangs is in the second half of the first, then the fourth.
sub stopped
{
	my ($arguments, $account, $column, $done, $fault) = @_;

	api_reset();
	api_faults([ { match => { advertiser_id => $account, %$fault }, times => 0, action => { hang => JSON::PP::true } } ]);
	my $session = TiktokSession->new($node);
	$session->send("CALL tiktok.refresh('mart.a'$arguments)");
	$node->poll_query_until('postgres', qq{SELECT $column = $done FROM tiktok.snapshot_runs
		WHERE target = 'mart.a'::regclass ORDER BY run DESC LIMIT 1}) or die 'it does not come to that';
	ask('SELECT pg_terminate_backend(' . $session->pid . ')');
	$session->finish;
	$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM tiktok.snapshot_progress});
	return;
}
ask(q{ALTER SERVER tiktok OPTIONS (ADD concurrency '1'); CALL tiktok.refresh('mart.a')});
stopped('', $accounts[12], 'accounts_probed', 10, { enable_total_metrics => 'true' });
is(refresh(), '0|0|0|0|10|10|10|20|0', 'probes that are stopped: those that were through are not sent again');
is(refresh(), $nothing, 'but by the next refresh');
stopped('', $accounts[12], 'accounts_probed', 10, { enable_total_metrics => 'true' });
like(refresh(', probe => false'), qr/\|20\|0\|0\|20\|20$/, 'accounts that were only probed are read where all are to be read');
stopped(', probe => false', $accounts[3], 'windows_done', 3, {});
like(refresh(', probe => false'), qr/\|17\|0\|0\|20\|17$/, 'windows that are stopped: accounts that were read are not read again');
like(refresh(', probe => false'), qr/\|20\|0\|0\|20\|20$/, 'but by the next refresh');
stopped(', probe => false', $accounts[3], 'windows_done', 3, {});
stopped(', probe => false', $accounts[5], 'windows_done', 2, {});
like(refresh(', probe => false'), qr/\|15\|0\|0\|20\|15$/, 'stopped twice');
stopped(', probe => false', $accounts[3], 'windows_done', 3, {});
ask(q{UPDATE tiktok._snapshot_account SET last_refresh = last_refresh - interval '1 hour'
	WHERE snapshot = (SELECT snapshot FROM tiktok._snapshot WHERE target = 'mart.a'::regclass)});
like(refresh(', probe => false'), qr/\|20\|0\|0\|20\|20$/, 'what is an hour old is');
stopped(', probe => false', $accounts[3], 'windows_done', 3, {});
api_reset();
is(ask(q{SELECT requests FROM tiktok.materialize('ads.campaigns_reports_daily', 'mart.a', probe => false)}), 20, 'and materialize reads all');
ask(q{SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.a', probe => true); ALTER SERVER tiktok OPTIONS (DROP concurrency)});

# a column that is new has no values, whatever the others add up to
ask(q{ALTER FOREIGN TABLE ads.campaigns_reports_daily ADD COLUMN account_name text OPTIONS (path 'metrics.advertiser_name');
	ALTER TABLE mart.a ADD COLUMN account_name text});
like(refresh(), qr/^0\|[1-9]\d+\|0\|\d+\|20\|0\|0\|20\|20$/, 'a new column is filled');

# a name is not seen by totals, but read at the seventh refresh
my $campaign = ask("SELECT campaign_id FROM mart.a WHERE advertiser_id = $other AND stat_time_day >= '$read' ORDER BY 1 LIMIT 1");
api_mutate({ op => 'rename', advertiser_id => $other, kind => 'campaign', id => $campaign, name => 'Other name' });
is(refresh(), $nothing, "refresh $_: a name is not seen") foreach (1 .. 6);
like(refresh(), qr/^0\|[1-9]\d*\|0\|[1-9]\d+\|20\|0\|0\|20\|20$/, 'the seventh reads regardless');
is(ask("SELECT DISTINCT campaign_name FROM mart.a WHERE campaign_id = $campaign AND stat_time_day >= '$read'"), 'Other name', 'and has it');
is(ask(q{SELECT inserted, updated, deleted, unchanged, requests FROM tiktok.materialize('ads.campaigns_reports_daily', 'mart.a')}),
	'0|0|0|0|20', 'materialize probes, likewise');

# days go by: what the last reading left to be read again is not settled by a probe, and read later
sub days_ago
{
	my ($target, $days) = @_;

	ask(qq{UPDATE tiktok._snapshot_account SET watermark = watermark - $days, read_on = read_on - $days
		WHERE snapshot = (SELECT snapshot FROM tiktok._snapshot WHERE target = '$target'::regclass)});
}
days_ago('mart.a', 5);
cmp_ok(ask(qq{WITH u AS (UPDATE mart.a SET campaign_name = 'Before' WHERE stat_time_day = date '$read' - 5 RETURNING 1)
	SELECT count(*) FROM u}), '>', 0, 'a name of five days ago');
is(refresh(), $nothing, 'is not seen');
is(ask(q{SELECT tiktok.settled('mart.a')}), ask("SELECT date '$read' - 5"), 'a probe settles no day');
is(ask(q{SELECT watermark - tiktok.settled('mart.a') FROM tiktok.snapshots WHERE target = 'mart.a'::regclass}), 12, 'but moves the watermark');
like(refresh(', probe => false'), qr/^0\|[1-9]\d*\|0\|[1-9]\d+\|20\|0\|0\|20\|20$/, 'whoever reads begins where the probe did');
is(ask(q{SELECT count(*) FROM mart.a WHERE campaign_name = 'Before'}), 0, 'and has it');
is(ask(q{SELECT tiktok.settled('mart.a')}), $read, 'then those days are settled');

# a start_date that leaves out days that were never read: without it they are no settled gap
$since = day(-40);
$source = "SELECT * FROM ads.campaigns_reports_daily WHERE stat_time_day >= '$since'";
ask(qq{ALTER FOREIGN TABLE ads.campaigns_reports_daily OPTIONS (ADD advertiser_ids '$accounts[0],$accounts[1]');
	SELECT tiktok.materialize('ads.campaigns_reports_daily', 'mart.g', since => '$since')});
days_ago('mart.g', 20);
ask(q{DELETE FROM mart.g WHERE stat_time_day > (SELECT watermark FROM tiktok.snapshots WHERE target = 'mart.g'::regclass);
	SELECT tiktok.create_live_view('mart.g', 'mart.g_live');
	ALTER FOREIGN TABLE ads.campaigns_reports_daily OPTIONS (ADD start_date '} . day(-12) . q{');
	CALL tiktok.refresh('mart.g')});
is(ask(q{SELECT tiktok.settled('mart.g')}), $read, 'what start_date leaves out is not waited for');
ask(q{ALTER FOREIGN TABLE ads.campaigns_reports_daily OPTIONS (DROP start_date)});
is(ask(q{SELECT tiktok.settled('mart.g')}), $since, 'without it nothing is settled until its days are read');
is(differences('TABLE mart.g_live', $source), '0|t', 'the live view has them');
ask(q{CALL tiktok.refresh('mart.g')});
is(ask(q{SELECT tiktok.settled('mart.g')}), $read, 'then they are');
is(differences("SELECT $columns, account_name FROM mart.g", "SELECT $columns, account_name FROM ads.campaigns_reports_daily
	WHERE stat_time_day >= '$since'"), '0|t', 'and the table has them');
ask(q{ALTER FOREIGN TABLE ads.campaigns_reports_daily OPTIONS (DROP advertiser_ids)});

# where totals would not tell
is(ask(q{SELECT tiktok._totals_columns('ads.campaigns_reports_hourly') IS NULL,
	tiktok._totals_columns('ads.campaigns_audience_reports_by_country_daily') IS NULL,
	tiktok._totals_columns('ads.campaigns') IS NULL, tiktok._totals_columns('ads.advertisers_reports_daily') IS NOT NULL}),
	't|t|t|t', 'not of hours, audiences, lists');
fails(q{SELECT tiktok.create_snapshot('ads.campaigns_reports_hourly', 'mart.h', probe => true)}, qr/22023.*"probe"/, 'asked for in vain');
ask(q{ALTER FOREIGN TABLE ads.advertisers_reports_daily DROP COLUMN clicks});
is(ask(q{SELECT tiktok._totals_columns('ads.advertisers_reports_daily') IS NULL}), 't', 'nor without clicks');
ask(q{CREATE SERVER sandbox FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (environment 'sandbox');
	CREATE SCHEMA box; IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_daily) FROM SERVER sandbox INTO box});
is(ask(q{SELECT tiktok._totals_columns('box.ads_reports_daily') IS NULL}), 't', 'nor in the sandbox');
is_deeply([ @violations, @{ api_violations() } ], [], 'asked as documented');

done_testing();
