
# Random queries give the same rows however they are evaluated: over local
# copies, pushed down or not, as prepared statements, through cursors. The
# generator and the comparison are in test/property; see run.py for how to run
# a seed again. TT_SEED sets the seed, TT_QUERIES the number of queries, TT_BOUNDS
# (on, off) whether the options advertiser_ids and start_date bound the tables.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $queries = $ENV{TT_QUERIES} || ($ENV{TT_SOAK} ? 2500 : 150);

api_start();
my $node = new_node('main');
my @command = (
	$ENV{PYTHON} // 'python3', "$FindBin::Bin/../property/run.py",
	'--host', $node->host, '--port', $node->port,
	'--user', $node->safe_psql('postgres', 'SELECT current_user'),
	'--api', api_url(), '--queries', $queries);
# the same queries each time, but for a soak, which chooses
my $seed = $ENV{TT_SEED} || ($ENV{TT_SOAK} ? 0 : 1);
push @command, '--seed', $seed if $seed;

# a soak looks at both, otherwise the seed chooses
foreach my $bounds ($ENV{TT_BOUNDS} ? $ENV{TT_BOUNDS} : $ENV{TT_SOAK} ? ('on', 'off') : '')
{
	# a stopwatch, not a rule: what hangs is ended by the caller
	open(my $out, '-|', @command, $bounds ? ('--bounds', $bounds) : ()) or die "run.py: $!";
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
	ok(close($out), 'run.py ended');
}

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing crashed');
$node->stop;
done_testing();
