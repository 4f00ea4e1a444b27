
# kill -9 at random moments, of the backend that refreshes and of the whole
# server, every fourth time amid a merge: nothing is lost, nothing doubled, states and changes belong to the rows,
# each past state is what test/api/expected.py says the API had then, and each call
# goes on where the last one was stopped. A dozen times here, 200 times with TT_SOAK
# set, or TT_KILLS times.

use strict;
use warnings;

use FindBin;
use JSON::PP ();
use lib $FindBin::Bin;
use POSIX qw(strftime);
use Time::HiRes qw(time);
use TiktokSession;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'no /proc' unless -d '/proc/self';
plan skip_all => 'it is almost midnight in UTC' if strftime('%H:%M', gmtime) =~ /^23:5/;
my $kills = $ENV{TT_KILLS} || ($ENV{TT_SOAK} ? 200 : 12);
my $days = $ENV{TT_SOAK} ? 120 : 40;

my $today = strftime('%Y-%m-%d', gmtime);
my @accounts = qw(7002238017842757633 7030219640413208578);
srand(20260630);
api_start('--today', $today, '--latency', 40);
my $node = new_node('main', conf => "restart_after_crash = on\n");
setup_fdw($node, rate_limit => 1000, concurrency => 4,
	advertiser_ids => join(',', @accounts),
	-import => [qw(campaigns campaigns_reports_hourly)]);
$node->safe_psql('postgres', "CREATE SCHEMA mart;
	SELECT tiktok.create_snapshot('ads.campaigns_reports_hourly', 'mart.h',
		since => current_date - $days, attribution_window => 30, partition_by => 'month', changes => true);
	SELECT tiktok.create_snapshot('ads.campaigns', 'mart.c', history => true, changes => true)");

# A merge stops where a lock is held: what it writes, each in turn.
my @written = ('mart.c_history', 'mart.c_changes', 'mart.c', 'mart.h_changes', 'mart.h');
$node->safe_psql('postgres', q{CREATE FUNCTION mart.wait() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN PERFORM pg_advisory_xact_lock_shared(TG_ARGV[0]::integer); RETURN NULL; END$$;} . join '', map {
	"CREATE TRIGGER wait AFTER INSERT OR UPDATE OR DELETE ON $written[ $_ - 1 ] EXECUTE FUNCTION mart.wait($_);" } 1 .. @written);
my $amid = 0;

my $state = q{SELECT count(DISTINCT advertiser_id) || ' ' || coalesce(sum(watermark - DATE '2000-01-01'), 0)
	FROM tiktok.snapshot_accounts WHERE target = 'mart.h'::regclass};
my ($before, $broken, $hit) = (0, 0, 0);
my @violations;

# Processes as /proc tells them: pid, state, parent.  One that nobody waits for, as in a
# container without an init, stays as a zombie: it is gone.
sub processes
{
	return map { (eval { slurp_file($_) } // '') =~ /^(\d+) \(.*\) (\S) (\d+) /s ? [ $1, $2, $3 ] : () }
	  map { "/proc/$_/stat" } @_ ? @_ : map { m{/(\d+)$} } glob('/proc/[0-9]*');
}

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
  $node->safe_psql('postgres', 'SELECT advertiser_id, campaign_id FROM ads.campaigns ORDER BY 2');


# What is done to campaigns: another budget or name, gone, back as it was; and their
# figures of the last days. Written down for expected.py.
my (%state, @files, %done, %vanished);
my $dir = PostgreSQL::Test::Utils::tempdir();

sub change
{
	my ($i) = @_;
	my ($account, $id) = @{ $campaigns[ int(rand(@campaigns)) ] };
	my %what = (advertiser_id => $account, kind => 'campaign', id => $id, touch => JSON::PP::false);
	my @was = grep { $_->{op} ne 'vanish' } @{ $state{$id} // [] };
	# some keep all their rows
	my @all = ((map { { %what, op => 'set', fields => { budget => 100 + $i } } } 1 .. 3),
		{ %what, op => 'rename', name => "Name $i" }, $id <= $campaigns[3][1] ? { %what, op => 'vanish' } : ());

	# a dozen at most, the last of which count
	@was = @was[ -12 .. -1 ] if @was > 12;
	if (@was < grep { $_->{op} } @{ $state{$id} // [] })
	{
		$state{$id} = \@was;
		$done{back}++;
	}
	else
	{
		my $what = $all[ int(rand(@all)) ];
		$state{$id} = [ @was, $what ];
		$done{ $what->{op} }++;
		$vanished{$id} = 1 if $what->{op} eq 'vanish';
	}
	my @changes = map { @{ $state{$_} } } sort keys %state;
	push @files, "$dir/$i.json";
	append_to_file($files[-1], JSON::PP->new->encode(\@changes));
	push @violations, @{ api_violations() };
	api_reset(data => 1);
	api_mutate([ @changes, { op => 'restate', advertiser_id => $account, percent => 100 + $i,
		from => strftime('%Y-%m-%d', gmtime(time - 2 * 86400)), to => $today } ]);
	return;
}

my $columns = $node->safe_psql('postgres',
	q{SELECT string_agg(quote_ident(name), ', ' ORDER BY attnum) FROM tiktok._source_columns('ads.campaigns')});
$node->safe_psql('postgres', "CREATE TABLE said AS SELECT 0 AS n, $columns FROM mart.c WITH NO DATA;
	CREATE TABLE asked (n integer, at timestamptz, read_last integer)");
my ($read_last, $last_run) = (0, 0);

for my $i (1 .. $kills)
{
	my $err = '';
	change($i);
	my ($holder, $inside);
	if ($i % 4 == 0)
	{
		$inside = 1 + $i / 4 % @written;
		$holder = TiktokSession->new($node);
		$holder->query("SELECT pg_advisory_lock($inside)");
	}
	my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'),
			'-c', q{CALL tiktok.refresh_all()} ],
		'<', \undef, '>', '/dev/null', '2>', \$err);

	# some requests later, and then at any moment
	my $requests = api_stats()->{requests} + int(rand($i % 2 ? 12 : 30));
	my $patience = time + ($inside ? 60 : 2);
	if ($inside)
	{
		my $there = 0;
		$there = $node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND objid = $inside")
		  until $there || time > $patience;
		$amid += $there;
	}
	else
	{
		1 while api_stats()->{requests} < $requests && time < $patience;
		my $moment = time + rand(0.1);
		1 while time < $moment;
	}
	if ($i % 3 == 0)
	{
		# all of it
		my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
		my @all = ($postmaster, map { $_->[0] } grep { $_->[2] == $postmaster } processes());
		kill 'KILL', @all;
		eval { $run->finish };
		1 while grep { $_->[1] ne 'Z' } processes(@all);
		# a zombie's would be taken for those of a server that runs
		unlink $node->data_dir . '/postmaster.pid', $node->host . '/.s.PGSQL.' . $node->port . '.lock';
		$node->{_pid} = undef;
		$node->start;
		$hit++;
	}
	else
	{
		my $pid = qx{psql -XAtq -d '@{[ $node->connstr('postgres') ]}' -c "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL%'" 2>/dev/null};
		my $from = -s $node->logfile;
		my $killed = $pid =~ /^\d+$/ ? kill('KILL', $pid) : 0;
		$hit += $killed;
		eval { $run->finish };
		# not the server that has yet to notice
		$node->wait_for_log(qr/all server processes terminated; reinitializing/, $from) if $killed;
		$patience = time + 180;
		1 until qx{psql -XAtq -d '@{[ $node->connstr('postgres') ]}' -c 'SELECT 1' 2>/dev/null} =~ /1/ || time > $patience;
	}
	undef $holder;
	my ($accounts, $now) = split / /, $node->safe_psql('postgres', $state);
	$broken++ if $now < $before;
	$before = $now;
	# the rows agree with what is recorded: nothing beyond what was read
	$broken++ if $node->safe_psql('postgres', q{SELECT count(*) FROM mart.h AS h
		LEFT JOIN (SELECT * FROM tiktok.snapshot_accounts WHERE target = 'mart.h'::regclass) AS a USING (advertiser_id)
		WHERE a.watermark IS NULL
			OR h.stat_time_hour >= greatest(coalesce(a.next_day, current_date + 2), a.watermark + 3)});
	$broken++ if $node->safe_psql('postgres', $torn);
	# whether campaigns were read this time, for the account of it at the end
	my $committed = $node->safe_psql('postgres', q{SELECT coalesce(max(run), 0) FROM tiktok.snapshot_runs
		WHERE target = 'mart.c'::regclass AND windows_done > 0});
	($read_last, $last_run) = ($i, $committed) if $committed > $last_run;
	$node->safe_psql('postgres', "INSERT INTO asked VALUES ($i, clock_timestamp(), $read_last)");
}
push @violations, @{ api_violations() };
note("$hit of $kills killed something, $amid amid a merge, then at $before");
cmp_ok($hit, '>=', $kills / 3, 'something was killed');
cmp_ok($amid, '>=', $kills / 8, 'and amid a merge');
is($broken, 0, 'rows and state belong together, and never go back');

# the first goes on where the last one was killed, the second reads all
$node->safe_psql('postgres', q{CALL tiktok.refresh_all()}) foreach (1 .. 2);
is($node->safe_psql('postgres', $torn), 0, 'states and changes belong to the rows');

# ---- what was remembered --------------------------------------------------------------

my $types = $node->safe_psql('postgres', q{SELECT string_agg(c.name || ':' || c.type, ',' ORDER BY k.attnum)
	FROM tiktok.stream_columns AS c JOIN tiktok._source_columns('ads.campaigns') AS k ON k.name = c.name
	WHERE c.stream = 'campaigns'});
run_log([ $ENV{PYTHON} // 'python3', '-c', <<'PYTHON', "$FindBin::Bin/../api", '--stream', 'campaigns', '--columns', $types, '--accounts', join(',', @accounts), '--today', $today, '--scale', 'small', @files ])
import re, sys
sys.path.insert(0, sys.argv[1])
import expected
options = [a for a in sys.argv[2:] if not a.endswith('.json')]
for file in sys.argv[2 + len(options):]:
    with open(re.sub('json$', 'csv', file), 'w', encoding='utf-8', newline='\n') as out:
        expected.main([*options, '--mutations', file], out)
PYTHON
  or die 'expected.py failed';
$node->safe_psql('postgres', join "\n", map {
	"ALTER TABLE said ALTER n SET DEFAULT $_;\n\\copy said ($columns) FROM '$dir/$_.csv' CSV HEADER"
} 1 .. $kills);
is($node->safe_psql('postgres', qq{
	WITH heard AS MATERIALIZED (SELECT a.n, to_jsonb(s) - 'n' AS row FROM asked AS a JOIN said AS s ON s.n = a.read_last),
		kept AS MATERIALIZED (SELECT a.n, to_jsonb(h) - '{_valid_from,_valid_to}'::text[] AS row
			FROM asked AS a JOIN (SELECT _valid_from, _valid_to, $columns FROM mart.c_history) AS h
				ON h._valid_from <= a.at AND a.at < coalesce(h._valid_to, 'infinity'))
	SELECT (SELECT count(*) FROM (TABLE heard EXCEPT ALL TABLE kept) AS a)
		+ (SELECT count(*) FROM (TABLE kept EXCEPT ALL TABLE heard) AS b)}),
	0, 'after each kill the history has what the API said when it was last read');
note(join ', ', map { "$done{$_} $_" } sort keys %done);
note($node->safe_psql('postgres', q{SELECT format('%s past states of %s rows, %s of %s readings new; changes: %s',
	(SELECT count(*) FROM mart.c_history), (SELECT count(*) FROM mart.c), (SELECT count(DISTINCT read_last) FROM asked),
	(SELECT count(*) FROM asked), (SELECT string_agg(x, ', ') FROM (SELECT concat('c ', op, ' ', count(*)) FROM mart.c_changes GROUP BY op
		UNION ALL SELECT concat('h ', op, ' ', count(*)) FROM mart.h_changes GROUP BY op) AS y (x)))}));
cmp_ok($node->safe_psql('postgres', 'SELECT count(DISTINCT read_last) FROM asked WHERE read_last > 0'), '>', $kills / 4,
	'of which there are some');

# Changes of a row are a chain, each beginning as the one before ended, and played in
# their order on an empty table they give the target.
foreach my $target ('c', 'h')
{
	my ($keys, $all) = split /\|/, $node->safe_psql('postgres', qq{SELECT array_to_string(s.key_columns, ', '),
		(SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute AS a
			WHERE a.attrelid = s.target AND a.attnum > 0 AND NOT a.attisdropped)
		FROM tiktok.snapshots AS s WHERE target = 'mart.$target'::regclass});
	is($node->safe_psql('postgres', qq{SELECT count(*) FROM (SELECT op, old, new, lag(new) OVER w AS was, row_number() OVER w AS n
			FROM mart.${target}_changes WINDOW w AS (PARTITION BY $keys ORDER BY at)) AS c
		WHERE old IS DISTINCT FROM was OR (n = 1) > (op = 'I') OR (old IS NULL) <> (op = 'I')}), 0, "changes of $target are a chain");
	is($node->safe_psql('postgres', qq{WITH played AS MATERIALIZED (SELECT DISTINCT ON ($keys) $keys, new
				FROM mart.${target}_changes ORDER BY $keys, at DESC),
			a AS MATERIALIZED (SELECT r::text FROM played, jsonb_populate_record(NULL::mart.$target, new) AS r WHERE new IS NOT NULL),
			b AS MATERIALIZED (SELECT t::text FROM mart.$target AS t)
		SELECT (SELECT count(*) FROM (TABLE a EXCEPT ALL TABLE b) AS x) + (SELECT count(*) FROM (TABLE b EXCEPT ALL TABLE a) AS y),
			(SELECT count(*) > 0 FROM a)}), '0|t', 'and give the target');
}

# ---- what is there ----------------------------------------------------------------------

# days that are read again have all as it is now; older ones keep names, and rows of what is gone
my $gone = join ',', 0, sort keys %vanished;
foreach my $case ([ 'days that are read again', 'stat_time_hour >= current_date - 28',
		$node->safe_psql('postgres', q{SELECT string_agg(quote_ident(name), ', ') FROM tiktok._source_columns('ads.campaigns_reports_hourly')}) ],
	[ 'older days', "stat_time_hour >= current_date - $days AND campaign_id NOT IN ($gone)",
		'advertiser_id, campaign_id, stat_time_hour, spend, impressions, clicks' ])
{
	my ($name, $where, $which) = @$case;
	is( $node->safe_psql('postgres', qq{
	WITH there AS MATERIALIZED (SELECT $which FROM ads.campaigns_reports_hourly WHERE $where),
		here AS MATERIALIZED (SELECT $which FROM mart.h WHERE $where)
	SELECT (SELECT count(*) FROM (TABLE there EXCEPT ALL TABLE here) AS a)
		+ (SELECT count(*) FROM (TABLE here EXCEPT ALL TABLE there) AS b), (SELECT count(*) > 1000 FROM here)}),
		'0|t', "in the end the table is what a full read finds: $name");
}
is( $node->safe_psql('postgres', q{SELECT count(*) FILTER (WHERE status = 'running'),
	count(*) FILTER (WHERE status = 'done') > 0 FROM tiktok.snapshot_runs}),
	'0|t', 'no run is left open');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'no lock either');
is($node->safe_psql('postgres', q{SELECT max(n) <= 100 FROM (SELECT count(*) AS n FROM tiktok.snapshot_runs GROUP BY target) AS r}), 't',
	'and their list has an end');
is_deeply([ @violations, @{ api_violations() } ], [], 'asked as documented');

done_testing();
