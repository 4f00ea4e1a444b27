# node-postgres: parameters, named statements, cursors, a pool, time-outs.
# test/clients/node_postgres.js does it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokClient;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $nodejs = client_nodejs();
plan skip_all => 'there is no node-postgres' unless $nodejs;

api_start();
my $node = client_node();
my $connection = JSON::PP->new->encode({ host => $node->host, port => 0 + $node->port,
	database => 'postgres', user => scalar(getpwuid($<)) });

# What a step saw; the requests that the API saw.
sub step
{
	my ($step, @args) = @_;

	api_reset();
	my $saw = run_client($nodejs, 'node_postgres.js', $connection, $step, @args);
	return ($saw, scalar(@{ api_log() }));
}

my @june = daily_rows('2026-06-01', '2026-06-29');
my @half_year = daily_rows('2026-01-01', '2026-06-29');
my %ids = map { $_->[0] => 1 } @june;
my @three = (sort keys %ids)[ 0 .. 2 ];

my ($saw, $asked) = step('values', join(',', @three));
is_deeply($saw->{types}, [ 'string', 'string', 'string' ], 'ids and amounts are texts: no digit is lost');
same_rows($saw->{rows}, [ grep { my $r = $_; $r->[2] > 0.5 && grep { $r->[0] eq $_ } @three } @june ],
	'a list, days, a number and LIMIT as parameters');

($saw, $asked) = step('prepared', 14);
is_deeply([ wrong_days($saw->{runs}, @june) ], [], 'a named statement: 14 days, each its rows');
is($asked, 14, 'a request for each execution');
is($saw->{generic} + $saw->{custom}, 14, 'of one statement of the server');

($saw, my $all) = step('whole');
same_rows($saw->{rows}, \@half_year, 'a cursor, a hundred rows at a time');
cmp_ok($all, '>', 30, 'is many requests');
($saw, $asked) = step('early');
is_deeply($saw, { rows => 10, usable => 1 }, 'one that is closed after ten rows');
cmp_ok($asked, '<=', 2 * $CONCURRENCY + 2, "stops the requests ($asked)");

($saw, $asked) = step('pool');
same_rows($saw->{rows}, [ grep { $_->[1] =~ /^2026-06-1[0-7]/ } @june ], 'a pool');
is($asked, 8, 'a request for each query');

api_settings(latency => 30_000);
($saw, $asked) = step('errors');
api_settings(latency => 0);
is($saw->{none}{code}, 'HV00L', 'no day: an error');
like($saw->{none}{hint}, qr/WHERE stat_time_day >= /, 'that says what to type');
is("$saw->{slow}{code} $saw->{usable}", '57014 1', 'statement_timeout; the session goes on');
is_deeply(api_violations(), [], 'all asked as documented');
done_testing();
