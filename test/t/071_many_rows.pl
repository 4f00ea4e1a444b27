
# The rows of one list, a million (ten millions with TT_SOAK): memory that does
# not grow with them, and none of them twice, wherever the repeated one stands.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use TiktokSession;
use PostgreSQL::Test::Utils;
use Test::More;

my $pages = $ENV{TT_SOAK} ? 10_000 : 1000;
my $rows = $pages * 1000;
my $dir = PostgreSQL::Test::Utils::tempdir('replay');
append_to_file("$dir/page.json", '{"data": {"list": [{"dimensions": {"ad_id": "", "stat_time_day": "2026-06-01 00:00:00"},'
	. ' "metrics": {"clicks": "7"}}]}}');

# the hour that came twice in New York, and one that did not
append_to_file("$dir/$_.json", '{"data": {"list": [{"dimensions": {"ad_id": "", "stat_time_hour": "2024-11-03 ' . $_
	. ':00:00"}, "metrics": {"clicks": "7"}}]}}') foreach ('01', '05');

# test/bench/replay.py; returns its URL
my @replays;
my $template = 'page';
sub replay
{
	my @args = ('--template', "$dir/$template.json", '--lazy', '--sets', "1,$pages", @_);

	pipe(my $stdin, my $holder) or die "pipe: $!";
	my $pid = open(my $out, '-|') // die "fork: $!";
	if ($pid == 0)
	{
		open(STDIN, '<&', $stdin);
		close($holder);
		exec($ENV{PYTHON} // 'python3', "$FindBin::Bin/../bench/replay.py", @args) or die "exec: $!";
	}
	close($stdin);
	push @replays, [ $holder, $out ];
	while (my $line = <$out>)
	{
		return $1 if $line =~ /listening on (\S+)/;
	}
	die 'replay.py did not start';
}

# kB
sub peak_memory
{
	my ($s) = @_;
	return slurp_file('/proc/' . $s->pid . '/status') =~ /VmHWM:\s+(\d+) kB/ ? $1 : die 'no VmHWM';
}

my $node = new_node('main', conf => "log_temp_files = 0\nwork_mem = '64kB'\n");
my $url = replay();
setup_fdw($node, api_url => "${url}1/0/", rate_limit => 1000, concurrency => 4, -import => [ 'ads_reports_daily', 'ads_reports_hourly' ]);
my $from = "FROM ads.ads_reports_daily WHERE advertiser_id = 7088160322559787010 AND stat_time_day = '2026-06-01'";

sub address
{
	my ($to) = @_;
	$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (SET api_url '$to')");
	return;
}

my $session = TiktokSession->new($node);
is($session->query("SELECT count(ad_id), sum(clicks) $from"), '1000|7000', 'a thousand rows');
my $idle = peak_memory($session);
address("$url$pages/0/");
is($session->query("SELECT count(ad_id), sum(clicks) $from"), $rows . '|' . 7 * $rows, "$rows rows");
my $grown = int((peak_memory($session) - $idle) / 1024);
cmp_ok($grown, '<', 32, "$rows rows take $grown MB more than a thousand");
like(slurp_file($node->logfile), qr/temporary file/, 'because hashes of keys are put aside');

# an end before the end: no file is left, nobody warns of one
my $log_size = -s $node->logfile;
$session->query("SELECT count(ad_id) FROM (SELECT ad_id $from LIMIT 900000) x");
$session->query("BEGIN; DECLARE c CURSOR FOR SELECT ad_id $from; MOVE 900000 FROM c");
$session->query('ROLLBACK');
$session->query("BEGIN; DECLARE c CURSOR FOR SELECT ad_id $from; MOVE 900000 FROM c; SAVEPOINT s; SELECT 1/0");
my %left = map { $_ => 1 } split /\n/, $session->query('ROLLBACK TO s; FETCH ALL FROM c; COMMIT');
is(scalar(keys %left), $rows - 900_000, 'a cursor goes on after a savepoint');    # pages come as they arrive
unlike(slurp_file($node->logfile, $log_size), qr/leak|still referenced/, 'no file leaks');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_ls_tmpdir()'), 0, 'no file is left');

# what repeats a row of the first 800,000 is found when it comes, others at the end
foreach my $repeat ('950000=17', ($rows - 1) . '=' . ($rows - 2))
{
	address(replay('--repeat', $repeat) . "$pages/0/");
	my $said = $session->query("SELECT count(ad_id) $from");
	like($said, qr/^ERROR:  HV000: incomplete reply from the TikTok API: a row came twice$/m, "row $repeat: found");
	like($said, qr/^DETAIL:  Code 0, request ID replay, .* page \d+\.$/m, "row $repeat: with the request");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_ls_tmpdir()'), 0, 'no file is left after errors');

# a key of the hour that comes twice may repeat, also one that was put aside
foreach my $hour ('01', '05')
{
	$template = $hour;
	address(replay('--repeat', ($rows - 1) . '=' . ($rows - 2)) . "$pages/0/");
	my $said = $session->query('SELECT count(ad_id) FROM ads.ads_reports_hourly WHERE advertiser_id = 7088160322559787010'
		  . " AND stat_time_hour >= '2024-11-03' AND stat_time_hour < '2024-11-04'");
	like($said, $hour eq '01' ? qr/^$rows$/ : qr/^ERROR:  HV000: .*a row came twice$/m, "an hourly row put aside that repeats, $hour:00");
}

foreach my $replay (@replays)
{
	close($_) foreach @$replay;
}
$node->stop('fast');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP|leak/, 'nothing crashed');
note(sprintf('%.1f s', time() - $^T));
done_testing();
