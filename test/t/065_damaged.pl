
# Damaged replies: a query ends in rows or in an error of the manual, soon, and
# the server lives. test/property/damaged.py has the queries, test/api/damage.py
# the damage. TT_SEED sets the seed, TT_REPLIES the number of replies, TT_ONLY
# runs one query of the seed.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $soak = $ENV{TT_SOAK};
my $replies = $ENV{TT_REPLIES} || ($soak ? 100_000 : 1500);

api_start();
my $node = new_node('main');
setup_fdw($node, max_retries => 0, rate_limit => 1000, page_size => 10, concurrency => 1,
	max_response_size => '2MB');
my @command = (
	$ENV{PYTHON} // 'python3', "$FindBin::Bin/../property/damaged.py",
	'--host', $node->host, '--port', $node->port,
	'--user', $node->safe_psql('postgres', 'SELECT current_user'),
	'--api', api_url(), '--token', $TOKEN, '--replies', $replies, '--seed', $ENV{TT_SEED} || ($soak ? time() : 1));
push @command, '--only', $ENV{TT_ONLY} if $ENV{TT_ONLY};

# a stopwatch, not a rule: what hangs is ended by the caller
open(my $out, '-|', @command) or die "damaged.py: $!";
while (my $line = <$out>)
{
	chomp $line;
	if ($line =~ /^(not )?ok\b[ \d]*- (.*)$/)
	{
		ok(!defined $1, $2);
	}
	else
	{
		diag($line);
	}
}
ok(close($out), 'damaged.py ended');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing crashed');
$node->stop;
done_testing();
