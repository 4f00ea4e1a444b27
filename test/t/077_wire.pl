
# What goes over the wire: never more than rate_limit requests in any second, by
# the kernel's stamps at a server that is not the bottleneck, whoever is killed,
# told to slow down or restarted in between. TT_SOAK=1: more, and at least 95 %
# of the rate is used.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use TiktokSession;
use PostgreSQL::Test::Utils;
use Test::More;

my $soak = $ENV{TT_SOAK};
my $rate = 20;
my $dir = PostgreSQL::Test::Utils::tempdir('wire');
my $stamps = "$dir/stamps";

$SIG{PIPE} = 'IGNORE';
run_log([ 'cc', '-O2', '-Wall', '-Werror', '-o', "$dir/stamp", "$FindBin::Bin/../wire/stamp.c" ])
  or plan skip_all => 'no C compiler, or not Linux';
my ($server_in, $server_out);
pipe(my $stdin, $server_in) or die "pipe: $!";
pipe($server_out, my $stdout) or die "pipe: $!";
my $server = fork() // die "fork: $!";
if ($server == 0)
{
	open(STDIN, '<&', $stdin);
	open(STDOUT, '>&', $stdout);
	close($_) foreach ($server_in, $server_out);
	exec("$dir/stamp", $stamps) or POSIX::_exit(127);
}
close($_) foreach ($stdin, $stdout);
$server_in->autoflush(1);
my ($url) = (readline($server_out) // '') =~ m{listening on (http\S+)} or die 'the server did not start';

my $node = new_node('main', conf => "jit = off\nmax_connections = 60\nrestart_after_crash = on");
$node->safe_psql('postgres', <<SQL);
CREATE EXTENSION tiktok_fdw;
CREATE SERVER wire FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url '$url', rate_limit '$rate', buying_types 'AUCTION,RESERVATION_RF');
CREATE USER MAPPING FOR CURRENT_USER SERVER wire OPTIONS (access_token '$TOKEN', app_id '$APP_ID');
CREATE FOREIGN TABLE ads (advertiser_id bigint, ad_id bigint) SERVER wire OPTIONS (stream 'ads');
SQL

my $account = 7000000000000000000;
my $size = sub { return scalar @{ stamps() } };

# [ seconds, who stamped, answer ] of all requests so far
sub stamps
{
	return [ map { my ($ns, @rest) = split ' '; [ $ns / 1e9, @rest ] } split /\n/, slurp_file($stamps) ];
}

# A query of so many requests.
sub requests
{
	my ($n) = @_;
	my $from = $account;

	$account += $n;
	return 'SELECT count(*) FROM (SELECT DISTINCT advertiser_id FROM ads WHERE ad_id = 1 AND advertiser_id IN ('
	  . join(', ', map { $from + $_ } 1 .. $n) . ')) a';
}

# So many sessions, each with a query of so many requests under way.
sub start
{
	my ($sessions, $n) = @_;
	my @sessions = map { TiktokSession->new($node) } 1 .. $sessions;

	$_->send(requests($n)) foreach @sessions;
	return @sessions;
}

# Wait until the server has had so many requests more than there were.
sub wait_for
{
	my ($n, $since) = @_;

	for (1 .. 6000)
	{
		return if $size->() >= $since + $n;
		select(undef, undef, undef, 0.01);
	}
	die "no $n requests";
}

# The answer to a query of so many requests, as soon as the server takes one.
sub at_once
{
	my $query = requests(@_);

	my $until = time() + 180;

	do
	{
		# a psql that has no server may be gone before it has the query
		my ($status, $answer) = eval { $node->psql('postgres', $query) };
		return $answer if defined $status && $status == 0;
	} while (time() < $until);
	die 'no server';
}

# How much of the rate was used by the requests since, in percent: how long it
# takes until as many as may be sent in a second are followed by the next.
sub used
{
	my ($since) = @_;
	my @times = map { $_->[0] } @{ stamps() };
	my $sum = 0;

	@times = sort { $a <=> $b } @times[ $since .. $#times ];
	$sum += $times[ $_ + $rate ] - $times[$_] foreach 0 .. $#times - $rate;
	return 100 * (@times - $rate) / $sum;
}

foreach my $backends (1, 8, 32)
{
	my $each = int(($soak ? 1000 : 60) / $backends) + 1;
	my $since = $size->();
	my @sessions = start($backends, $each);

	is_deeply([ map { $_->finish } @sessions ], [ ($each) x $backends ], "$backends backends");
	my $used = used($since);
	my $all = $each * $backends;
	note(sprintf('%d requests, %.1f %% of the rate used', $all, $used));
	cmp_ok($used, '>=', 95, '... use the rate') if $soak;
}

foreach my $round (1 .. ($soak ? 10 : 1))
{
	# told to slow down, while one of them is ended
	my $since = $size->();
	my @sessions = start(8, 6);
	my $ended = shift @sessions;
	wait_for(10, $since);
	print $server_in "penalty 2\n";
	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . $ended->pid . ')');
	is_deeply([ map { $_->finish } @sessions ], [ (6) x 7 ], 'one was ended, all slowed down');
	$ended->finish;

	# the memory that the backends share goes
	$since = $size->();
	@sessions = start(8, 20);
	wait_for($rate + 5, $since);
	kill 'KILL', $sessions[0]->pid;
	my $lost = grep { $_->finish =~ /^\d+\z/ } @sessions;
	is($lost, 0, 'kill -9 ends all');
	@sessions = ();
	is(at_once(30), 30, '... and the next goes on');

	$since = $size->();
	@sessions = start(8, 20);
	wait_for($rate + 5, $since);
	$node->restart;
	@sessions = ();
	is(at_once(30), 30, 'a restart');
}

close($server_in);
waitpid($server, 0);
my @all = sort { $a->[0] <=> $b->[0] } @{ stamps() };
is(scalar(grep { $_->[2] eq 'penalty' } @all), $soak ? 20 : 2, 'the server was too fast, it said');
SKIP:
{
	skip 'the kernel does not stamp what comes', 1 if grep { $_->[1] ne 'kernel' } @all;
	my ($from, $most) = (0, 0);
	foreach my $to (0 .. $#all)
	{
		$from++ while $all[$from][0] <= $all[$to][0] - 1;
		$most = $to - $from + 1 if $to - $from + 1 > $most;
	}
	cmp_ok($most, '<=', $rate, "never more than $rate of " . @all . ' requests in a second');
}
$node->stop('fast');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal (?!9\b)\d/, 'nothing crashed by itself');
done_testing();
