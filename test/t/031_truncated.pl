# Accounts with more ads than a report covers: every report is complete, from as
# many requests as the campaigns need, and what cannot be split is an error that
# says what to do.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use TiktokSession;
use JSON::PP;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;

# audience reports without a time column reach to the real today
sub day
{
	my ($ago) = @_;

	return strftime('%Y-%m-%d', gmtime(time() - $ago * 86400));
}
my $today = day(0);
my $concurrency = 4;

my $api = api_start('--today', $today);
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, concurrency => $concurrency, -import_options => { streams => 'all' });
my $expected = "$FindBin::Bin/../api/expected.py";
my $large = '7300000000000000001';    # of more than 100 campaigns
my $small = '7002238017842757633';    # 5 campaigns of up to 22 ads, ad groups of up to 7
my $mutations = "$PostgreSQL::Test::Utils::tmp_check/mutations.json";
my @changes = (
	{ op => 'add_account', advertiser_id => $large, ads => 1300 },
	{ op => 'add_objects', advertiser_id => $large, kind => 'PROMOTE', ads => 20 },
	{ op => 'add_objects', advertiser_id => $large, kind => 'RESERVATION_TOP_VIEW', ads => 20 });
PostgreSQL::Test::Utils::append_to_file($mutations, encode_json(\@changes));
api_mutate(\@changes);
my $campaigns = $node->safe_psql('postgres',
	"SELECT count(*) FROM ads.campaigns WHERE advertiser_id = $large");
cmp_ok($campaigns, '>', 100, 'there are campaigns for more than one request');

# SQL that compares the rows of a stream with those that expected.py computes: the
# key and some metrics. "t|0|0" if they are the same.
sub compare
{
	my ($stream, $account, $where, @more) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$stream.csv";
	my ($columns, $types) = split(/\|/, $node->safe_psql('postgres', <<SQL));
SELECT string_agg(c.name, ', ' ORDER BY ordinal),
	string_agg(c.name || ':' || c.type, ',' ORDER BY ordinal)
FROM tiktok.stream_columns AS c JOIN tiktok.streams AS s ON s.name = c.stream
WHERE c.stream = '$stream' AND (c.name IN ('advertiser_id', 'spend', 'clicks')
	OR c.name = ANY (s.key_columns))
SQL
	my @command = (
		$ENV{PYTHON} // 'python3', $expected, '--stream', $stream, '--columns', $types,
		'--today', $today, '--mutations', $mutations, '--accounts', $account, @more);

	open(my $out, '-|', @command) or die "$expected: $!";
	open(my $csv, '>', $file) or die "$file: $!";
	print $csv $_ while (<$out>);
	close($csv);
	close($out) or die "$expected failed";
	return <<SQL;
CREATE TEMP TABLE e AS SELECT $columns FROM ads.$stream WHERE false;
\\copy e FROM '$file' CSV HEADER
CREATE TEMP TABLE g AS SELECT $columns FROM ads.$stream WHERE advertiser_id = $account$where;
SELECT (SELECT count(*) > 0 FROM e),
	(SELECT count(*) FROM (TABLE e EXCEPT ALL TABLE g) x),
	(SELECT count(*) FROM (TABLE g EXCEPT ALL TABLE e) x)
SQL
}

# Output, SQLSTATE ('' if it went well), messages.
sub run
{
	my ($sql) = @_;

	api_reset();
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	my ($state) = $err =~ /ERROR:  (\w{5}):/;
	$state //= $rc == 0 ? '' : "psql failed: $err";
	return ($out, $state, $err);
}

sub filters
{
	my ($request) = @_;
	my $filtering = $request->{params}{filtering} // '[]';
	my $list = ref $filtering ? $filtering : decode_json($filtering);

	return { map { $_->{field_name} => $_->{filter_value} } @$list };
}

# Report requests since the last reset: how many without ids, and the ids of each
# window (once, whatever pages and parts of the metrics they were asked for).
sub asked
{
	my $whole = 0;
	my %split;

	foreach my $request (@{ api_log(qr{report/integrated}) })
	{
		my $filters = filters($request);
		my @ids = map { @{ decode_json($filters->{$_}) } } grep { /_ids$/ } keys %$filters;

		if (@ids) { $split{ join(',', $request->{params}{start_date} // '', @ids) } = \@ids }
		else { $whole++ }
	}
	return ($whole, values %split);
}

# ---- every report by day, whole or by audience ----------------------------------

my @streams = split(/\n/, $node->safe_psql('postgres',
	"SELECT name FROM tiktok.streams WHERE kind LIKE '%report' AND seed_name IS NOT NULL ORDER BY 1"));
is(scalar @streams, 26, 'there are 26 reports');
# and, of those by period, one of each kind
push @streams, qw(ads_reports_weekly campaigns_reports_monthly ad_groups_reports_period);
foreach my $stream (@streams)
{
	my $audience = $stream =~ /audience/;
	my ($where, @range) = ('');
	my $windows = 1;

	if ($stream =~ /_hourly$/)
	{
		$windows = 2;
		$where .= " AND stat_time_hour >= '" . day(3) . "' AND stat_time_hour < '" . day(1) . "'";
		push @range, '--from', day(3), '--to', day(2);
	}
	elsif ($stream =~ /_daily$/)
	{
		# 30 days are a window
		my $from = $audience ? 4 : 37;

		$windows = 2 if !$audience;
		$where .= " AND stat_time_day BETWEEN '" . day($from) . "' AND '" . day(3) . "'";
		push @range, '--from', day($from), '--to', day(3);
	}
	elsif ($stream =~ /_weekly$/)
	{
		# two Mondays
		$windows = 2;
		$where .= " AND stat_time_week BETWEEN '" . day(20) . "' AND '" . day(7) . "'";
		push @range, '--from', day(20), '--to', day(7);
	}
	elsif ($stream =~ /_monthly$/)
	{
		my $first = substr(day(31), 0, 7) . '-01';

		$where .= " AND stat_time_month = '$first'";
		push @range, '--from', $first, '--to', $first;
	}
	elsif ($stream =~ /_period$/)
	{
		$where .= " AND start_date = '" . day(60) . "' AND end_date = '" . day(3) . "'";
		push @range, '--from', day(60), '--to', day(3);
	}
	api_settings(ad_limit => 1280);
	if ($stream =~ /^advertisers/)
	{
		my (undef, $state, $err) =
		  run("SELECT count(advertiser_id) FROM ads.$stream WHERE advertiser_id = $large$where");

		is($state, '54000', "$stream: nothing to split by");
		like($err, qr/HINT:  .*campaigns_reports_daily/, "$stream: with what to read instead");
		next;
	}

	my ($out, $state, $err) = run(compare($stream, $large, $where, @range));
	is("$state$out", 't|0|0', "$stream: as computed") or diag($err);
	is_deeply(api_violations(), [], "$stream: asked as documented");

	my ($whole, @split) = asked();
	my $most = $stream =~ /^ads_/ ? 30 : 100;
	my $batches = int(($campaigns + $most - 1) / $most);

	cmp_ok($whole, '<=', $concurrency, "$stream: few requests told of the cut");
	is(scalar @split, $batches * $windows, "$stream: each window for $batches batches of campaigns");
	is(scalar(grep { @$_ > $most } @split), 0, "$stream: of at most $most campaigns");
	is(scalar @{ api_log(qr{campaign/get}) }, 2, "$stream: the campaigns are listed once");
}

# ---- deeper -----------------------------------------------------------------------

my $june = "stat_time_day BETWEEN '" . day(37) . "' AND '" . day(3) . "'";
my @days = ('--from', day(37), '--to', day(3));
foreach my $case ([ 30, 'campaigns' ], [ 30, 'ads' ], [ 10, 'ad_groups' ], [ 10, 'ads' ], [ 5, 'ads' ])
{
	my ($limit, $what) = @$case;
	my $stream = "${what}_reports_daily";
	my $sql = compare($stream, $small, " AND $june", @days);

	api_settings(ad_limit => $limit);
	my ($out, $state, $err) = run($sql);
	is("$state$out", 't|0|0', "$stream, $limit ads a report: as computed") or diag($err);
	is_deeply(api_violations(), [], 'asked as documented');
	my %by = map { map { $_ => 1 } grep { /_ids$/ } keys %{ filters($_) } }
	  @{ api_log(qr{report/integrated}) };
	my @by = $limit == 30 ? ('campaign_ids') : $limit == 10 ? qw(adgroup_ids campaign_ids)
	  : qw(ad_ids adgroup_ids campaign_ids);
	is_deeply([ sort keys %by ], \@by, 'by @by');
}

# Windows one after the other: each is split by the list that the first one read,
# and has nobody else to wait for.
foreach my $case ([ 1, 50 ], [ 1, 140 ], [ 2, 50 ], [ 2, 140 ])
{
	my ($most, $from) = @$case;
	my $windows = int(($from + 26) / 30);
	my $sql = compare('ads_reports_daily', $small,
		" AND stat_time_day BETWEEN '" . day($from) . "' AND '" . day(3) . "'",
		'--from', day($from), '--to', day(3));

	$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (SET concurrency '$most')");
	api_settings(ad_limit => 30);
	my ($out, $state, $err) = run("SET statement_timeout = '5s';\n$sql");
	is("$state$out", 't|0|0', "$windows windows, $most at a time: as computed") or diag($err);
	my ($whole, @split) = asked();
	cmp_ok($whole, '<=', $most, 'few requests told of the cut');
	is(scalar keys %{ { map { $_->{params}{start_date} => 1 } @{ api_log(qr{report/integrated}) } } },
		$windows, 'each window was asked for');
	is(scalar @{ api_log(qr{campaign/get}) }, 2, 'the campaigns are listed once');
}
$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (SET concurrency '$concurrency')");

# what is still cut
foreach my $case (
	[ 10, 'campaigns', qr/HINT:  The campaign \d+ alone .* report of ad groups/ ],
	[ 5, 'ad_groups', qr/HINT:  The ad group \d+ alone .* report of ads/ ],
	[ 1, 'ads', qr/HINT:  Add a condition/ ])
{
	my ($limit, $what, $hint) = @$case;

	api_settings(ad_limit => $limit);
	my (undef, $state, $err) =
	  run("SELECT count(spend) FROM ads.${what}_reports_daily WHERE advertiser_id = $small AND $june");
	is($state, '54000', "$what, $limit ads a report: an error");
	like($err, $hint, 'with what to do');
}

# ---- whatever is asked ------------------------------------------------------------

my $ads = "ads.ads_reports_daily WHERE advertiser_id IN ($small, $large) AND $june";
my $one = "ads.ads_reports_daily WHERE advertiser_id = $small"
  . " AND stat_time_day BETWEEN '" . day(30) . "' AND '" . day(3) . "'";
my $top = "SELECT ad_id, stat_time_day, spend FROM $one ORDER BY spend DESC LIMIT 7";
my $five = $node->safe_psql('postgres',
	"SELECT string_agg(campaign_id::text, ',') FROM ads.campaigns WHERE advertiser_id = $small");
my %queries = (
	'count(*)' => "SELECT count(*) FROM $ads",
	'sums' => "SELECT advertiser_id, count(ad_id), sum(spend), sum(clicks) FROM $ads GROUP BY 1 ORDER BY 1",
	'every column' => "SELECT count(t), md5(string_agg(t::text, ',' ORDER BY ad_id, stat_time_day)) FROM"
	  . " (SELECT * FROM every.ads_reports_daily WHERE advertiser_id = $small"
	  . " AND stat_time_day BETWEEN '" . day(10) . "' AND '" . day(3) . "') t",
	'an order' => "SELECT string_agg(spend::text, ',') FROM ($top) t",
	'no order' => "SELECT count(ad_id) FROM (SELECT ad_id FROM $one LIMIT 7) t",
	'ids' => "SELECT count(ad_id), sum(spend) FROM $one AND campaign_id IN ($five)",
	'nothing pushed down' => "SET tiktok_fdw.enable_pushdown = off;"
	  . " SELECT count(ad_id), sum(spend) FROM $one AND campaign_id IN ($five)",
	'an append' => "SELECT count(ad_id), sum(spend) FROM (SELECT ad_id, spend FROM $one"
	  . " UNION ALL SELECT ad_id, spend FROM ads.ads_reports_daily WHERE advertiser_id = $large AND $june) t",
	'a join' => "SELECT count(r.ad_id), sum(r.spend) FROM ads.ads a JOIN ads.ads_reports_daily r"
	  . " USING (advertiser_id, ad_id) WHERE a.advertiser_id = $small AND $june");
$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA every;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads_reports_daily) FROM SERVER tiktok INTO every OPTIONS (metrics 'all');
SQL
foreach my $name (sort keys %queries)
{
	api_settings(ad_limit => 0);
	my ($whole, $fine) = run($queries{$name});
	my ($whole_requests) = scalar @{ api_log() };

	is($fine, '', "$name: reads");
	api_settings(ad_limit => 20);
	my ($out, $state, $err) = run($queries{$name});
	is("$state$out", $whole, "$name: the same of cut reports") or diag($err);
	is_deeply(api_violations(), [], "$name: asked as documented");
	cmp_ok(scalar @{ api_log() }, '>', $whole_requests, "$name: from more requests");
}

api_settings(ad_limit => 30);
my ($out, $state, $err) = run("EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) $top");
like($out, qr/Truncated Reports Split: [1-9]/, 'EXPLAIN ANALYZE shows the splits');
is((asked())[0], 1, 'ordered: one request told of the cut');
# (what waits for a list must not wait for anything else)
(undef, $state) = run("SET statement_timeout = '30s'; $top; $top");
is($state, '', 'asked twice');
is((asked())[0], 1, 'the session knows the next time');

$node->safe_psql('postgres', <<SQL);
CREATE SCHEMA few;
CREATE FOREIGN TABLE few.ads_daily (advertiser_id bigint, ad_id bigint, stat_time_day date,
	spend numeric, clicks bigint)
	SERVER tiktok OPTIONS (stream 'ads_reports_daily', advertiser_ids '$small', start_date '@{[day(37)]}');
CREATE FOREIGN TABLE few.ads (advertiser_id bigint, ad_id bigint, spend numeric, clicks bigint)
	SERVER tiktok OPTIONS (stream 'ads_reports_lifetime', advertiser_ids '$small,$large');
SQL
($out, $state, $err) = run('ANALYZE few.ads;'
	  . " SELECT reltuples FROM pg_class WHERE oid = 'few.ads'::regclass");
is("$state$out", 64 + 1340, 'ANALYZE') or diag($err);

($out, $state, $err) = run(<<SQL);
SET statement_timeout = '30s';
CREATE SCHEMA mart;
SELECT FROM tiktok.materialize('few.ads_daily', 'mart.ads_daily');
SELECT FROM tiktok.materialize('few.ads', 'mart.ads');
CALL tiktok.refresh('mart.ads_daily');
CALL tiktok.refresh('mart.ads');
SQL
is($state, '', 'snapshots are made and refreshed') or diag($err);
api_settings(ad_limit => 0);
foreach my $table ([ 'ads_daily', ', stat_time_day' ], [ 'ads', '' ])
{
	my ($name, $day) = @$table;
	my $columns = "advertiser_id, ad_id, spend, clicks$day";

	is($node->safe_psql('postgres', <<SQL), '0|0|t', "mart.$name: all that there is");
CREATE TEMP TABLE g AS SELECT $columns FROM few.$name;
CREATE TEMP TABLE m AS SELECT $columns FROM mart.$name;
SELECT (SELECT count(*) FROM (TABLE m EXCEPT ALL TABLE g) x),
	(SELECT count(*) FROM (TABLE g EXCEPT ALL TABLE m) x), (SELECT count(*) > 0 FROM m)
SQL
}

# ---- what goes wrong ----------------------------------------------------------------

my $both = "SELECT advertiser_id, count(spend) FROM $ads GROUP BY 1 ORDER BY 1";
my $rows = $node->safe_psql('postgres', "SELECT count(spend) FROM $ads AND advertiser_id = $large");
my $refuse = { code => 40001, message => 'No permission to operate advertiser' };

api_settings(ad_limit => 30);
sub under
{
	my ($sql, @faults) = @_;

	api_reset();
	api_faults(\@faults);
	my ($rc, $rows, $said) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	my ($code) = $said =~ /ERROR:  (\w{5}):/;
	return ($rows, $code // '', $said);
}

($out, $state, $err) = under($both,
	{ match => { path => 'campaign/get', advertiser_id => $small }, times => 0, action => $refuse });
is($state, '42501', 'campaigns that may not be read are an error');
like($err, qr{campaign/get}, 'that says what was asked');
($out, $state, $err) = under("ALTER SERVER tiktok OPTIONS (ADD on_advertiser_error 'skip');\n$both",
	{ match => { path => 'campaign/get', advertiser_id => $small }, times => 0, action => $refuse });
is("$state$out", "$large|$rows", 'or skip the account');
like($err, qr/WARNING:  \w+: skipping advertiser $small/, 'with a warning');
$node->safe_psql('postgres', 'ALTER SERVER tiktok OPTIONS (DROP on_advertiser_error)');

($out, $state, $err) = under($both,
	{ match => { path => 'campaign/get' }, times => 0, action => { data => {} } });
is($state, '54000', 'an empty list of campaigns is an error');
like($err, qr/lists nothing to split it by/, 'that says so');

my $slow = "SELECT ad_id, spend FROM $one";
$node->safe_psql('postgres', 'ALTER SERVER tiktok OPTIONS (ADD page_size \'20\', SET concurrency \'1\')');
api_settings(ad_limit => 0);
($out, $state, $err) = under($slow,
	{ match => { path => 'report/integrated/get', page => 3 }, times => 0, action => { throttle => 1 } });
is($state, '54000', 'told when rows had left, it is an error');
like($err, qr/HINT:  .*run the query again/, 'to try again');
api_settings(ad_limit => 30);
($out, $state, $err) = run($slow);
is($state, '', 'small pages, one at a time: the list is waited for');
is(scalar(split(/\n/, $out)), $node->safe_psql('postgres', "SELECT count(*) FROM $one"), 'all rows');

# ---- ended while the list is read ---------------------------------------------------

# (a session that knows of the cut: the list is all that it waits for)
my $session = TiktokSession->new($node);
my %waits = (
	'a scan' => "SELECT count(spend), sum(clicks) FROM $one",
	'an append' => "SELECT count(spend), sum(clicks) FROM (SELECT * FROM $one UNION ALL SELECT * FROM $one) t");
foreach my $what (sort keys %waits)
{
	api_reset();
	my $right = $session->query($waits{$what});
	like($right, qr/^[1-9]\d*\|/, "$what reads");
	foreach my $sql ($waits{$what}, "BEGIN; SAVEPOINT s; $waits{$what}")
	{
		api_faults([ { match => { path => 'campaign/get' }, times => 0, action => { hang => JSON::PP::true } } ]);
		$session->send($sql);
		$node->poll_query_until('postgres', "SELECT wait_event_type = 'Extension' FROM pg_stat_activity WHERE pid = "
			  . $session->pid);
		$node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . $session->pid . ')');
		like($session->finish, qr/57014/, "$what that waits for a list is cancelled");
		api_reset();
		$session->query('ROLLBACK TO s; COMMIT') if $sql =~ /SAVEPOINT/;
		is($session->query("SET statement_timeout = '5s'; $waits{$what}; RESET statement_timeout"), $right,
			'... and holds nothing that the next one needs');
	}
}

# who waits for a list sleeps until something comes
SKIP:
{
	my $status = '/proc/' . $session->pid . '/status';
	my $switches = sub { slurp_file($status) =~ /^voluntary_ctxt_switches:\s+(\d+)/m ? $1 : -1 };

	skip 'no /proc', 2 unless -e $status;
	api_faults([ { match => { path => 'campaign/get' }, times => 0, action => { hang => JSON::PP::true } } ]);
	my $before = $switches->();
	like($session->query("SET statement_timeout = '1s'; $waits{'a scan'}"), qr/57014/, 'a list that does not come');
	cmp_ok($switches->() - $before, '<', 60, '... is not looked at again and again');
	api_reset();
}

done_testing();
