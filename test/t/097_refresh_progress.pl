# A refresh says after each window how far it is, and when it will be done.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my @accounts = ('7002238017842757633', '7030219640413208578', '7051874396120449026');
api_start();
# the server's log has the time of each line, in milliseconds
my $node = new_node('main', conf => "log_line_prefix = '%n '\nlog_min_messages = notice\n");
setup_fdw($node, rate_limit => 1000, concurrency => 2, advertiser_ids => join(',', @accounts),
	-import => [ 'ads_reports_daily', 'campaigns', 'advertiser_ids' ]);
$node->safe_psql('postgres', q{
	CREATE SCHEMA mart;
	SELECT tiktok.create_snapshot('ads.ads_reports_daily', 'mart.daily', since => '2026-01-01');
	SELECT tiktok.create_snapshot('ads.campaigns', 'mart.campaigns')});

# What a statement says, a line each.
sub said
{
	my ($sql) = @_;
	my ($rc, undef, $err) = $node->psql('postgres', $sql);

	is($rc, 0, $sql) or diag $err;
	return map { s/^psql:<stdin>:\d+: //r } split /\n/, $err;
}

# ---- each window ---------------------------------------------------------------------

api_settings(latency => 250);
my $from = -s $node->logfile;
my @lines = said("CALL tiktok.refresh('mart.daily')");
api_settings(latency => 0);
my @log = map { /^(\d+\.\d+) NOTICE:  (.*)/ ? [ $1, $2 ] : () }
  split /\n/, substr(slurp_file($node->logfile), $from);
my ($windows, $done, $inserted) = split /\|/, $node->safe_psql('postgres',
	'SELECT windows, windows_done, inserted FROM tiktok.snapshot_runs');
cmp_ok($windows, '>', 20, "there are windows ($windows)");
is($done, $windows, 'all are done');

my $day = qr{\d{4}-\d\d-\d\d};
my $form = qr{^NOTICE:  mart\.daily: (\d+) of $windows windows, (?:advertiser (\d+)|(\d) accounts), $day(?: to $day)?, (\d+) inserted, 0 updated, 0 deleted, 0 unchanged(?:, about \d+ s left)?$};
is_deeply([ grep { $_ !~ $form } @lines ], [], 'each line says how far it is, of whom, which days, and what was done');
my ($last, $sum, @wrong) = (0, 0);
foreach my $line (@lines)
{
	my ($n, $account, $accounts, $rows) = $line =~ $form;

	push @wrong, $line if $n != $last + ($accounts // 1) || ($account && !grep { $_ eq $account } @accounts);
	($last, $sum) = ($n, $sum + $rows);
}
is_deeply(\@wrong, [], 'counted up');
is($last, $windows, 'to the last');
is($sum, $inserted, 'the rows are those of the run');
unlike($lines[-1], qr/left/, 'nothing is left at the end');

# the time that was left, against the time that it took: from when half is done on
my $end = $log[-1][0];
my $took = $end - $log[0][0];
my @bad = grep {
	my ($at, $text) = @$_;
	my ($n, $left) = $text =~ /: (\d+) of .* about (\d+) s left$/;
	defined $left && $n > $windows / 2 && abs($left - ($end - $at)) > 2 + 0.5 * $took
} @log;
is_deeply(\@bad, [], sprintf('the time left was estimated within half of the %.1f s that it took', $took));
my @left = map { / about (\d+) s left$/ ? $1 : () } @lines;
cmp_ok(scalar(@left), '>', @lines / 2, 'most lines say how long it will take');
cmp_ok($left[-1], '<', $left[0], 'less and less');

# ---- others ---------------------------------------------------------------------------

is_deeply([ said("SET client_min_messages = warning; CALL tiktok.refresh('mart.daily', probe => false)") ], [],
	'client_min_messages keeps it quiet');
@lines = said("CALL tiktok.refresh('mart.campaigns')");
is(scalar(grep { !/^NOTICE:  mart\.campaigns: \d of 3 windows, (?:advertiser \d+|\d accounts), \d+ inserted, 0 updated, 0 marked, 0 unchanged/ } @lines),
	0, 'a stream that is read whole');
@lines = said('CALL tiktok.refresh_all()');
is_deeply([ grep { /snapshot/ } @lines ],
	[ 'NOTICE:  mart.campaigns: snapshot 1 of 2', 'NOTICE:  mart.daily: snapshot 2 of 2' ],
	'refresh_all() says which snapshot it is at');
@lines = said("SELECT tiktok.materialize('ads.ads_reports_daily', 'mart.other', since => '2026-06-01')");
is_deeply([ grep { /windows/ } @lines ], [], 'materialize() writes at the end, and says nothing on the way');
@lines = said("SELECT tiktok.materialize('ads.advertiser_ids', 'mart.ids'); CALL tiktok.refresh('mart.ids')");
is_deeply(\@lines, [ 'NOTICE:  mart.ids: 1 of 1 windows, 0 inserted, 0 updated, 0 marked, 3 unchanged' ],
	'one that has no accounts');

# an account that cannot be read is not waited for
api_faults([ { match => { advertiser_id => $accounts[1] }, times => 0,
		action => { code => 40001, message => 'No permission to operate advertiser' } } ]);
@lines = said("CALL tiktok.refresh('mart.daily', probe => false)");
unlike((grep { /windows/ } @lines)[-1], qr/left/, 'with an account that fails nothing is left at the end, either');

# ---- how a time is said ------------------------------------------------------------------

is($node->safe_psql('postgres', q{
	SELECT string_agg(tiktok._about(t::interval), '; ') FROM unnest(ARRAY['0.2 s', '40.4 s', '99 s', '100 s',
		'12 min', '99 min', '100 min', '30 h']) AS t}),
	join('; ', map { "about $_ left" } '1 s', '41 s', '99 s', '2 min', '12 min', '99 min', '2 h', '30 h'), 'in two digits');
is_deeply(api_violations(), [], 'asked as documented');
done_testing();
