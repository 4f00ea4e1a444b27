
# Sums that the API adds up are the sums of the days, whatever the query. The
# generator and the comparison are in test/property/sums.py. TT_SEED sets the
# seed, TT_QUERIES the number of queries.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

api_start();
my $node = new_node('main');
my @command = (
	$ENV{PYTHON} // 'python3', "$FindBin::Bin/../property/sums.py",
	'--host', $node->host, '--port', $node->port,
	'--user', $node->safe_psql('postgres', 'SELECT current_user'),
	'--api', api_url(), '--queries', $ENV{TT_QUERIES} || ($ENV{TT_SOAK} ? 1000 : 60));
# the same queries each time, but for a soak, which chooses
my $seed = $ENV{TT_SEED} || ($ENV{TT_SOAK} ? 0 : 1);
push @command, '--seed', $seed if $seed;

# a stopwatch, not a rule: what hangs is ended by the caller
open(my $out, '-|', @command) or die "sums.py: $!";
while (my $line = <$out>)
{
	chomp $line;
	if ($line =~ /^(not )?ok \d+ - (.*)$/)
	{
		ok(!defined $1, $2);
	}
	elsif ($line !~ /^1\.\./)
	{
		diag($line);
	}
}
ok(close($out), 'sums.py ended');
is_deeply(api_violations(), [], 'asked as documented');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing crashed');
$node->stop;
done_testing();
