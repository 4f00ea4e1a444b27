# psycopg2: parameters, cursors of the server (itersize, WITH HOLD, closed early),
# cancel, COPY.  test/clients/psycopg.py does it; here its rows are compared with
# computed ones and its requests counted.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokClient;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $python = client_python('psycopg2');
plan skip_all => 'Python has no psycopg2' unless $python;

api_start();
my $node = client_node();

# What a step saw; the requests that the API saw.
sub step
{
	my ($step, @args) = @_;

	api_reset();
	my $saw = run_client($python, 'psycopg.py', $node->connstr('postgres'), $step, @args);
	return ($saw, scalar(@{ api_log() }));
}

my @june = daily_rows('2026-06-01', '2026-06-29');
my @half_year = daily_rows('2026-01-01', '2026-06-29');
cmp_ok(scalar(@june), '>', 200, 'there are rows');

# ---- parameters -----------------------------------------------------------------

my %ids = map { $_->[0] => 1 } @june;
my @three = (sort keys %ids)[ 0 .. 2 ];
my ($saw, $asked) = step('values', join(',', @three));
is_deeply($saw->{types}, [ 'int', 'date', 'Decimal' ], 'ids, days and amounts are what Python calls so');
same_rows($saw->{rows}, [ grep { my $r = $_; $r->[2] > 0.5 && grep { $r->[0] eq $_ } @three } @june ],
	'lists, days and decimals as parameters');
my ($filter) = map { $_->{params}{filtering} // $_->{params}{filters} // '' } @{ api_log() };
is(scalar(grep { index($filter, $_) >= 0 } @three), 3, 'the list is a filter of the request');

# ---- cursors of the server --------------------------------------------------------

api_reset();
$node->safe_psql('postgres', "SELECT count(t) FROM (SELECT ad_id, stat_time_day, spend FROM ads.ads_reports_daily
	WHERE advertiser_id = $ACCOUNT AND stat_time_day BETWEEN '2026-01-01' AND '2026-06-29') AS t");
my $all = @{ api_log() };
cmp_ok($all, '>', 30, 'half a year is many requests');

($saw, $asked) = step('whole');
same_rows($saw->{rows}, \@half_year, 'a named cursor, a hundred rows at a time');
is($asked, $all, 'asks for each page once');
cmp_ok(api_stats()->{peak_concurrency}, '<=', $CONCURRENCY, 'no more at once than may be');

($saw, $asked) = step('early');
is_deeply($saw, { rows => 10, usable => 1 }, 'a named cursor that is closed after ten rows');
cmp_ok($asked, '<=', 2 * $CONCURRENCY + 2, "has sent what was in flight, no more ($asked)");
cmp_ok($asked, '<', $all / 2, 'far from all');

($saw, $asked) = step('hold');
is($saw->{first}, 10, 'WITH HOLD: some rows before the commit');
same_rows($saw->{rows}, \@june, 'and the others after it');

($saw, $asked) = step('scroll');
is($saw->{rows}, 20, 'a scrollable cursor');
ok($saw->{same}, 'goes back');

my (undef, $once) = step('hold');
($saw, $asked) = step('two');
same_rows($saw->{rows}, \@june, 'two cursors that take turns');
ok($saw->{same}, 'see the same rows');
is($asked, 2 * $once, 'each asks for its own');

# ---- errors, cancel, COPY ------------------------------------------------------------

($saw, $asked) = step('error');
is($saw->{code}, 'HV00L', 'no day: an error');
like($saw->{hint}, qr/WHERE stat_time_day >= /, 'that says what to type');
is("$saw->{usable} $asked", '1 0', 'nothing was asked; the session goes on');

api_settings(latency => 30_000);
($saw, $asked) = step('cancel');
api_settings(latency => 0);
is($saw->{code}, '57014', 'connection.cancel()');
cmp_ok($saw->{seconds}, '<', 15, 'acts while the reply is not there');
is($saw->{usable}, 1, 'and the session goes on');

my @campaigns = map { $_->[0] } expected_rows('campaigns', 'campaign_id:bigint', '--accounts', $ACCOUNT);
($saw, $asked) = step('copy');
is_deeply($saw->{ids}, [ sort @campaigns ], 'COPY');
is($saw->{found}, scalar(@campaigns), 'ids of a table that the client filled');
is_deeply(api_violations(), [], 'all asked as documented');
done_testing();
