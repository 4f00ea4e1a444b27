
# kill -9 at random moments, of the backend that refreshes and of the whole
# server: nothing is lost, nothing doubled, states and changes belong to the rows,
# and each call goes on where the last one was stopped. A dozen times here, 200 times with TT_SOAK set.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use POSIX qw(strftime);
use Time::HiRes qw(time);
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'it is almost midnight in UTC' if strftime('%H:%M', gmtime) =~ /^23:5/;
my $kills = $ENV{TT_SOAK} ? 200 : 12;
my $days = $ENV{TT_SOAK} ? 120 : 40;

srand(20260630);
api_start('--today', strftime('%Y-%m-%d', gmtime), '--latency', 40);
my $node = new_node('main', conf => "restart_after_crash = on\n");
setup_fdw($node, rate_limit => 1000, concurrency => 4,
	advertiser_ids => '7002238017842757633,7030219640413208578',
	-import => [qw(campaigns campaigns_reports_hourly)]);
$node->safe_psql('postgres', "CREATE SCHEMA mart;
	SELECT tiktok.create_snapshot('ads.campaigns_reports_hourly', 'mart.h',
		since => current_date - $days, attribution_window => 30, partition_by => 'month', changes => true);
	SELECT tiktok.create_snapshot('ads.campaigns', 'mart.c', history => true, changes => true)");

my $state = q{SELECT count(DISTINCT advertiser_id) || ' ' || coalesce(sum(watermark - DATE '2000-01-01'), 0)
	FROM tiktok.snapshot_accounts WHERE target = 'mart.h'::regclass};
my ($before, $broken, $hit) = (0, 0, 0);

# What must be so at any moment of a committed state: each campaign that is there has
# one state without an end, as it is, states do not overlap, and what a campaign is,
# or was marked as, is what its last change says; of the report, as many changes as rows.
my $torn = q{
	SELECT (SELECT count(*) FROM (SELECT * FROM mart.c WHERE _deleted_at IS NULL) AS c
			FULL JOIN (SELECT * FROM mart.c_history WHERE _valid_to IS NULL) AS h USING (campaign_id)
			WHERE (c.budget, c._synced_at) IS DISTINCT FROM (h.budget, h._valid_from))
		+ (SELECT count(*) FROM (SELECT _valid_from < lag(coalesce(_valid_to, 'infinity')) OVER (
				PARTITION BY campaign_id ORDER BY _valid_from) AS wrong FROM mart.c_history) AS o WHERE wrong)
		+ (SELECT count(*) FROM mart.c FULL JOIN (
				SELECT DISTINCT ON (campaign_id) campaign_id, new FROM mart.c_changes
				ORDER BY campaign_id, at DESC) AS l USING (campaign_id)
			WHERE (c._synced_at, c._deleted_at) IS DISTINCT FROM
				((new->>'_synced_at')::timestamptz, (new->>'_deleted_at')::timestamptz))
		+ abs((SELECT count(*) FILTER (WHERE op = 'I') - count(*) FILTER (WHERE op = 'D') FROM mart.h_changes)
			- (SELECT count(*) FROM mart.h))};
my @campaigns = map { [ split /\|/ ] } split /\n/,
  $node->safe_psql('postgres', 'SELECT advertiser_id, campaign_id FROM ads.campaigns');

for my $i (1 .. $kills)
{
	my $err = '';
	my ($account, $id) = @{ $campaigns[ int(rand(@campaigns)) ] };
	api_mutate({ advertiser_id => $account, kind => 'campaign', id => $id,
		op => 'set', fields => { budget => 100 + $i } });
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'),
			'-c', q{CALL tiktok.refresh_all()} ],
		'<', \undef, '>', '/dev/null', '2>', \$err);

	# some requests later, and then at any moment
	my $requests = api_stats()->{requests} + int(rand(30));
	my $patience = time + 2;
	1 while api_stats()->{requests} < $requests && time < $patience;
	my $moment = time + rand(0.1);
	1 while time < $moment;
	if ($i % 3 == 0)
	{
		# all of it
		my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
		my @all = ($postmaster, split /\s+/, qx{ps -o pid= --ppid $postmaster} =~ s/^\s+//r);
		kill 'KILL', @all;
		eval { $run->finish };
		1 while grep { kill 0, $_ } @all;
		unlink $node->data_dir . '/postmaster.pid';
		$node->{_pid} = undef;
		$node->start;
		$hit++;
	}
	else
	{
		my $pid = qx{psql -XAtq -d '@{[ $node->connstr('postgres') ]}' -c "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL%'" 2>/dev/null};
		$hit += kill 'KILL', $pid if $pid =~ /^\d+$/;
		eval { $run->finish };
		$node->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';
	}
	my ($accounts, $now) = split / /, $node->safe_psql('postgres', $state);
	$broken++ if $now < $before;
	$before = $now;
	# the rows agree with what is recorded: nothing beyond what was read
	$broken++ if $node->safe_psql('postgres', q{SELECT count(*) FROM mart.h AS h
		LEFT JOIN (SELECT * FROM tiktok.snapshot_accounts WHERE target = 'mart.h'::regclass) AS a USING (advertiser_id)
		WHERE a.watermark IS NULL
			OR h.stat_time_hour >= greatest(coalesce(a.next_day, current_date + 2), a.watermark + 3)});
	$broken++ if $node->safe_psql('postgres', $torn);
}
note("$hit of $kills killed something, then at $before");
cmp_ok($hit, '>=', $kills / 3, 'something was killed');
is($broken, 0, 'rows and state belong together, and never go back');

$node->safe_psql('postgres', q{CALL tiktok.refresh_all()});
is($node->safe_psql('postgres', $torn), 0, 'states and changes belong to the rows');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM mart.c_history WHERE _valid_to IS NOT NULL'), '>', $kills / 4,
	'of which there are some');
is( $node->safe_psql('postgres', qq{
	WITH there AS MATERIALIZED (SELECT * FROM ads.campaigns_reports_hourly
			WHERE stat_time_hour >= current_date - $days),
		here AS MATERIALIZED (SELECT @{[ join ', ', split /\n/, $node->safe_psql('postgres',
			q{SELECT quote_ident(name) FROM tiktok._source_columns('ads.campaigns_reports_hourly')}) ]} FROM mart.h)
	SELECT (SELECT count(*) FROM (TABLE there EXCEPT ALL TABLE here) AS a)
		+ (SELECT count(*) FROM (TABLE here EXCEPT ALL TABLE there) AS b), (SELECT count(*) > 1000 FROM here)}),
	'0|t', 'in the end the table is what a full read finds');
is( $node->safe_psql('postgres', q{SELECT count(*) FILTER (WHERE status = 'running'),
	count(*) FILTER (WHERE status = 'done') > 0 FROM tiktok.snapshot_runs}),
	'0|t', 'no run is left open');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'no lock either');
is($node->safe_psql('postgres', q{SELECT max(n) <= 100 FROM (SELECT count(*) AS n FROM tiktok.snapshot_runs GROUP BY target) AS r}), 't',
	'and their list has an end');
is_deeply(api_violations(), [], 'asked as documented');

done_testing();
