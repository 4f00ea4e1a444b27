
# Ten time-outs in ten seconds make TikTok throttle an app for minutes: all
# sessions together never come to that, and end with the right rows. (Those of
# strangers: 073_budget.pl.)

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use TiktokSession;
use PostgreSQL::Test::Utils;
use Test::More;

my $soak = $ENV{TT_SOAK};
my @accounts = (7088160322559787010, 7002238017842757633);
my @levels = qw(ads ad_groups campaigns advertisers);
my $api = api_start();
my $node = new_node('main', conf => "jit = off\nmax_connections = 40");
setup_fdw($node, rate_limit => 1000, concurrency => 8, -import => [ map { "${_}_reports_daily" } @levels ]);
my $admin = TiktokSession->new($node);

# No two sessions ask for the same: the third time-out of one request blocks it.
my @queries;
foreach my $level (@levels)
{
	foreach my $account (@accounts)
	{
		my $from = $soak ? '2026-04-01' : '2026-06-01';
		push @queries, "SELECT count(*), sum(spend) FROM ads.${level}_reports_daily
			WHERE advertiser_id = $account AND stat_time_day BETWEEN '$from' AND '2026-06-30'";
	}
}
my @right = map { $admin->query($_) } @queries;
like($right[0], qr/^[1-9]\d*\|\d/, 'rows');
is($admin->query('SELECT sum(timeouts) FROM tiktok.stat_requests'), 0, 'no time-out so far');

# ---- eight sessions, and whatever is longer than 20 days times out ------------------

foreach my $how ('504', '51010')
{
	# what is new to the API is not to be refused for what was before
	$api->reset;
	$api->faults([ { match => {}, action => { timeout_over => { days => 20, how => $how } } } ]);
	$admin->query('SELECT tiktok.stat_requests_reset()');
	my @sessions = map { TiktokSession->new($node) } @queries;

	$sessions[$_]->send($queries[$_]) foreach 0 .. $#queries;
	is_deeply([ map { $_->finish } @sessions ], \@right, "$how: the right rows");
	my @times = sort { $a <=> $b } map { $_->{t} } grep { $_->{timeout} } @{ $api->log };
	my ($from, $most) = (0, 0);
	foreach my $to (0 .. $#times)
	{
		$from++ while $times[$from] <= $times[$to] - 10;
		$most = $to - $from + 1 if $to - $from + 1 > $most;
	}
	cmp_ok($most, '<=', 9, '... never ten in ten seconds');
	cmp_ok(scalar @times, '>', 10, '... of ' . @times);
	is($admin->query('SELECT sum(timeouts) FROM tiktok.stat_requests'), scalar @times, '... all counted');
	is_deeply([ map { $_->{code} } grep { $_->{code} == 40100 || $_->{code} == 40016 } @{ $api->log } ],
		[], '... nor throttled, nor blocked');
	is_deeply($api->violations, [], '... asked as documented');
	last unless $soak;
}

$node->stop('fast');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal \d|TRAP/, 'nothing crashed');
done_testing();
