
# Queries take the requests that doc/requests.md says; none takes more than a
# perfect client would for a reason that is not given there.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');
my @command = (
	$ENV{PYTHON} // 'python3', "$FindBin::Bin/../bench/requests.py",
	'--host', $node->host, '--port', $node->port,
	'--user', $node->safe_psql('postgres', 'SELECT current_user'));

open(my $out, '-|', @command) or die "requests.py: $!";
my %took = map { $_ => 1 } grep { /^\|/ } map { chomp; $_ } <$out>;
ok(close($out), 'each query takes the perfect number of requests, or it is known why not');

my @documented = grep { /^\| `/ } split /\n/, slurp_file("$FindBin::Bin/../../doc/requests.md");
cmp_ok(scalar @documented, '>', 30, 'doc/requests.md tells of queries');
foreach my $line (@documented)
{
	my ($query) = $line =~ /^\| `(.{0,70})/;
	ok($took{$line}, "as documented: $query")
	  or diag("doc/requests.md is made by: sh test/bench/requests.sh");
}
$node->stop;
done_testing();
