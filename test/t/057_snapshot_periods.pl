# Snapshots of reports by week and month: periods that touch the days that may
# still change are read again, settled ones are not written, and what was asked
# for at first is whole weeks and months.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;

# Snapshots go by the clock, so the API has to as well; not across midnight.
plan skip_all => 'it is almost midnight in UTC' if strftime('%H:%M', gmtime) =~ /^23:5[5-9]/;

sub day
{
	my ($ago) = @_;

	return strftime('%Y-%m-%d', gmtime(time() - $ago * 86400));
}

my @accounts = qw(7002238017842757633 7051874396120449026);
my $window = 4;

api_start('--today', day(0));
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, advertiser_ids => join(',', @accounts), -import_options => { streams => 'all' });
$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA mart;
CREATE FOREIGN TABLE ads.own_weekly (advertiser_id bigint NOT NULL, adgroup_id bigint, gender text, age text,
	stat_time_week date, covered_to date, spend numeric, reach bigint)
SERVER tiktok OPTIONS (stream 'report', report_type 'AUDIENCE', data_level 'AUCTION_ADGROUP',
	dimensions 'adgroup_id,gender,age', grain 'week');
SQL

sub ask { return $node->safe_psql('postgres', $_[0]); }

# The first day of the periods that a refresh reads again: of the one that has the
# first day that may change. What is read has begun everywhere on earth.
my %first = map { $_ => ask(
	"SELECT date_trunc('$_', (clock_timestamp() AT TIME ZONE 'UTC' - interval '12 hours')::date - $window)::date") }
  qw(week month);
my %column = (week => 'stat_time_week', month => 'stat_time_month');

# How many periods begin from a day on, until one day past today.
sub periods
{
	my ($grain, $from) = @_;
	return ask("SELECT count(*) FROM generate_series(date '$from', date '" . day(-1) . "', '1 day') AS d
		WHERE d = date_trunc('$grain', d)");
}

# inserted, updated, deleted, unchanged, requests
sub materialize
{
	my ($table, $arguments) = @_;
	my @counts = split /\|/,
	  ask("SELECT inserted, updated, deleted, unchanged, requests FROM tiktok.materialize('ads.$table', 'mart.$table'"
		  . ($arguments // '') . ')');
	return @counts;
}

# Rows from a day on in one and not in the other.
sub differences
{
	my ($table, $grain, $from) = @_;
	my $columns = ask("SELECT string_agg(quote_ident(name), ', ') FROM tiktok._source_columns('ads.$table')");
	my $where = "$column{$grain} >= '$from'";
	return ask(
		"WITH there AS MATERIALIZED (SELECT $columns FROM ads.$table WHERE $where),
			here AS MATERIALIZED (SELECT $columns FROM mart.$table WHERE $where)
		SELECT (SELECT count(*) FROM (TABLE there EXCEPT ALL TABLE here) AS a)
			+ (SELECT count(*) FROM (TABLE here EXCEPT ALL TABLE there) AS b)");
}

# Row versions of settled periods.
sub settled
{
	my ($table, $grain) = @_;
	return ask("SELECT count(*), md5(string_agg(ctid::text || xmin::text || t::text, ' ' ORDER BY t::text))
		FROM mart.$table AS t WHERE $column{$grain} < '$first{$grain}'");
}

my @tables = ([ 'campaigns_reports_weekly', 'week', 40 ], [ 'ad_groups_reports_monthly', 'month', 95 ],
	[ 'own_weekly', 'week', 25 ]);

foreach my $table (@tables)
{
	my ($name, $grain, $ago) = @$table;
	my $since = day($ago);
	my @counts = materialize($name, ", since => '$since', attribution_window => $window");
	my $n = periods($grain, $since);

	cmp_ok($counts[0], '>', 0, "$name: rows");
	is($counts[4], $n * @accounts, "$name: a request for each of $n periods and account");
	is(differences($name, $grain, $since), 0, "$name: a full read");
	is(ask("SELECT min($column{$grain}) >= '$since', bool_and($column{$grain} = date_trunc('$grain', $column{$grain})) FROM mart.$name"),
		't|t', "$name: whole periods only");
	@$table[ 3, 4 ] = ($counts[0], settled($name, $grain));

	# again: only what may have changed is asked for, and nothing is written
	@counts = materialize($name);
	is("@counts[0 .. 2]", '0 0 0', "$name: nothing changed");
	is($counts[4], periods($grain, $first{$grain}) * @accounts, "$name: the periods that touch the window are read again");
	is(settled($name, $grain), $table->[4], "$name: settled rows are not touched");
}

# ---- restated days -----------------------------------------------------------------

# one inside the window, one in a period that is settled
api_mutate([
	{ op => 'restate', advertiser_id => $accounts[0], from => day(3), to => day(2), percent => 150 },
	{ op => 'restate', advertiser_id => $accounts[0], from => day(45), to => day(15), percent => 300 } ]);
foreach my $table (@tables)
{
	my ($name, $grain, $ago, undef, $before) = @$table;
	my @counts = materialize($name);

	cmp_ok($counts[1], '>', 0, "$name: restated days inside the window arrive");
	is(differences($name, $grain, $first{$grain}), 0, "$name: as a full read of these periods");
	is(settled($name, $grain), $before, "$name: settled rows are as they were read");
	cmp_ok(differences($name, $grain, day($ago)), '>', 0, "$name: although the source has others now")
	  if $grain eq 'week';
}

# ---- rows that are gone --------------------------------------------------------------

my $gone = ask("SELECT campaign_id FROM mart.campaigns_reports_weekly WHERE advertiser_id = $accounts[0]
	AND stat_time_week >= '$first{week}' ORDER BY 1 LIMIT 1");
my $older = ask("SELECT count(*) FROM mart.campaigns_reports_weekly WHERE campaign_id = $gone AND stat_time_week < '$first{week}'");
api_mutate([ { op => 'vanish', advertiser_id => $accounts[0], kind => 'campaign', id => $gone } ]);
my @counts = materialize('campaigns_reports_weekly');
cmp_ok($counts[2], '>', 0, 'rows gone upstream are deleted');
is(ask("SELECT count(*) FILTER (WHERE stat_time_week >= '$first{week}'), count(*) FROM mart.campaigns_reports_weekly WHERE campaign_id = $gone"),
	"0|$older", 'inside the window, older ones stay');
is(differences('campaigns_reports_weekly', 'week', $first{week}), 0, 'a full read again');

# ---- earlier days, an open period, steps -----------------------------------------------

api_reset();
my $rows = ask('SELECT count(*) FROM mart.campaigns_reports_weekly');
my ($rc, $out, $err) = $node->psql('postgres', "CALL tiktok.refresh('mart.campaigns_reports_weekly', since => '" . day(61) . "')");
is($rc, 0, 'an earlier since') or diag($err);
is(scalar(grep { $_->{params}{start_date} lt day(40) } @{ api_log(qr{report}) }),
	(periods('week', day(61)) - periods('week', day(40))) * @accounts, 'asks for earlier weeks only');
cmp_ok(ask('SELECT count(*) FROM mart.campaigns_reports_weekly'), '>', $rows, 'which are there now');
is_deeply(api_violations(), [], 'asked as documented');

# a row of a period that went on as it was read yesterday
ask("UPDATE mart.campaigns_reports_weekly SET covered_to = covered_to - 1, spend = spend / 2 WHERE stat_time_week >= '$first{week}'");
@counts = materialize('campaigns_reports_weekly');
cmp_ok($counts[1], '>', 0, 'a period that goes on is updated');
is(differences('campaigns_reports_weekly', 'week', $first{week}), 0, 'to what it is today');

# stopped in the middle: the next call goes on there
ask("SELECT tiktok.create_snapshot('ads.ad_groups_reports_weekly', 'mart.stopped', since => '" . day(70) . "')");
api_faults([ { match => { path => 'report/integrated/get' }, after => 12, times => 0, action => { code => 40105 } } ]);
($rc, $out, $err) = $node->psql('postgres', "CALL tiktok.refresh('mart.stopped')");
isnt($rc, 0, 'stopped by an error');
my $done = ask('SELECT count(*) FROM mart.stopped');
cmp_ok($done, '>', 0, 'what was read stays');
api_reset();
is(($node->psql('postgres', "CALL tiktok.refresh('mart.stopped')"))[0], 0, 'the next one goes on');
cmp_ok(scalar(@{ api_log(qr{report}) }), '<', periods('week', day(70)) * @accounts, 'and does not begin anew');
is(ask("SELECT count(*) FROM ads.ad_groups_reports_weekly WHERE stat_time_week >= '" . day(70) . "'"),
	ask('SELECT count(*) FROM mart.stopped'), 'nothing is missing');

# ---- a source that begins later for a while ---------------------------------------------

# A start_date that leaves out periods that were to be read again: without it they are no
# settled gap, and are fetched.
foreach my $case ([ 'week', 40, 20, 9 ], [ 'month', 130, 60, 10 ])
{
	my ($grain, $ago, $asleep, $begins) = @$case;
	my ($source, $target, $since) = ("ads.ad_groups_reports_${grain}ly", "mart.clip_$grain", day($ago));
	my $columns = ask("SELECT string_agg(quote_ident(name), ', ') FROM tiktok._source_columns('$source')");
	my $missing = sub {
		return ask("WITH a AS MATERIALIZED (SELECT $columns FROM $_[0] WHERE $column{$grain} >= '$since'),
				b AS MATERIALIZED (SELECT $columns FROM $source WHERE $column{$grain} >= '$since')
			SELECT (SELECT count(*) FROM (TABLE a EXCEPT ALL TABLE b) AS x) + (SELECT count(*) FROM (TABLE b EXCEPT ALL TABLE a) AS y)");
	};

	ask("SELECT tiktok.materialize('$source', '$target', since => '$since', attribution_window => $window);
		SELECT tiktok.create_live_view('$target', '${target}_live')");
	is($missing->($target), 0, "by $grain: all of it");
	# as if nobody had refreshed since: what is younger is gone, what was open is as it was then
	ask("UPDATE tiktok._snapshot_account SET watermark = watermark - $asleep, read_on = read_on - $asleep
			WHERE snapshot = (SELECT snapshot FROM tiktok._snapshot WHERE target = '$target'::regclass);
		DELETE FROM $target WHERE $column{$grain} >= tiktok.settled('$target')");
	cmp_ok($missing->($target), '>', 0, 'of which the younger are missing');
	ask("ALTER FOREIGN TABLE $source OPTIONS (ADD start_date '" . day($begins) . "')");
	is(($node->psql('postgres', "CALL tiktok.refresh('$target')"))[0], 0, 'with a start_date it reads what the source has');
	ask("ALTER FOREIGN TABLE $source OPTIONS (DROP start_date)");
	is(ask("SELECT tiktok.settled('$target')"), $since, 'without it nothing is settled');
	is($missing->("${target}_live"), 0, 'the live view has all');
	is(($node->psql('postgres', "CALL tiktok.refresh('$target')"))[0], 0, 'what was left out is read');
	is($missing->($target), 0, 'and there');
	is(ask("SELECT tiktok.settled('$target')"), $first{$grain}, 'then it is settled');
}

# ---- what is no source ---------------------------------------------------------------

($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT tiktok.create_snapshot('ads.ads_reports_period', 'mart.periods')");
like($err, qr/ERROR:  0A000: .*cannot be the source of a snapshot/, 'periods of queries have no snapshot');
like($err, qr/HINT:  Keep a report by week or month/, 'with what to do');

$node->stop;
done_testing();
