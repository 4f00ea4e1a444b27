
# The examples of doc/pushdown.md run, and what its EXPLAIN shows is shown.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $text = slurp_file("$FindBin::Bin/../../doc/pushdown.md");
my @blocks = $text =~ /^```sql\n(.*?)^```$/msg;
my ($explained) = $text =~ /^```\n(Stream: .*?)^```$/ms;
cmp_ok(scalar @blocks, '>=', 7, 'there are examples');

api_start();
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000);

my $all = '';
foreach my $n (0 .. $#blocks)
{
	my ($rc, $out, $err) = $node->psql('postgres', $blocks[$n]);
	is("$rc $err", '0 ', 'example ' . ($n + 1));
	$all .= "$out\n";
}
$all =~ s/^\s+//mg;
foreach my $line (split /\n/, $explained)
{
	like($all, qr/^\Q$line\E$/m, "EXPLAIN shows: $line");
}
is_deeply(api_violations(), [], 'asked as documented');

# what it says of requests
sub requests
{
	my ($sql) = @_;
	api_reset();
	$node->safe_psql('postgres', $sql);
	return scalar @{ api_log() };
}

my ($conditions) = grep { /-- one account, two days/ } @blocks;
is(requests($conditions), 1 + 0 + 2 + 1, 'conditions: the requests of their comments');
my ($days) = grep { /-- these weeks/ } @blocks;
is(requests($days), 2 + 4 + 1 + 2, 'days in any form: the requests of their comments');
my ($joins) = grep { /-- 30 ids, one request/ } @blocks;
is(requests($joins), 2 + 2 + 2 + 3, 'joins: the requests of their comments');
my ($sums) = grep { /-- a request for each account/ } @blocks;
is(requests($sums), 2 + 1, 'sums: the requests of their comments');
my ($few) = grep { /ORDER BY spend DESC LIMIT 5/ && /LIMIT 10/ } @blocks;
is(requests($few), 3, 'few rows: a request each');

$node->stop;
done_testing();
