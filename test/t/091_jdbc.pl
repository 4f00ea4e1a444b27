# PostgreSQL's JDBC driver: fetchSize, prepared statements and their generic plans,
# setMaxRows, metadata, time-outs.  test/clients/Jdbc.java does it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokClient;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $java = client_java();
plan skip_all => 'there is no Java compiler, or no JDBC driver' unless $java;

api_start();
my $node = client_node();
my $url = 'jdbc:postgresql://127.0.0.1:' . $node->port . "/postgres?user=" . getpwuid($<);

# What a step saw; the requests that the API saw.
sub step
{
	my ($step, $argument, %properties) = @_;
	my $with = join '', map { "&$_=$properties{$_}" } sort keys %properties;

	api_reset();
	my $saw = run_client($java, undef, "$url$with", $step, $argument // ());
	return ($saw, scalar(@{ api_log() }));
}

my @june = daily_rows('2026-06-01', '2026-06-29');
my @half_year = daily_rows('2026-01-01', '2026-06-29');

# ---- fetchSize --------------------------------------------------------------------

my ($saw, $all) = step('whole', 0);
same_rows($saw->{rows}, \@half_year, 'all rows at once');
($saw, my $asked) = step('whole', 100);
same_rows($saw->{rows}, \@half_year, 'a hundred at a time');
is($asked, $all, 'from the same requests');
cmp_ok($all, '>', 30, 'which are many');

($saw, $asked) = step('early', 10);
is(scalar(@{ $saw->{rows} }), 10, 'ten at a time, closed after ten');
is($saw->{usable}, 1, 'the session goes on');
cmp_ok($asked, '<=', 2 * $CONCURRENCY + 2, "what was in flight was asked, no more ($asked)");
cmp_ok($asked, '<', $all / 2, 'far from all');

# ---- setMaxRows: no LIMIT that a planner sees ---------------------------------------

($saw, $asked) = step('maxRows', 200);
is($saw->{rows}, 200, 'setMaxRows');
cmp_ok($asked, '<', 20, "stops the requests, too ($asked)");

# ---- prepared statements --------------------------------------------------------------

foreach my $how (
	[ 'custom plans first' => { prepareThreshold => 5 } ],
	[ 'a generic plan from the first' => { prepareThreshold => 1, options => '-c%20plan_cache_mode=force_generic_plan' } ],
	[ 'unnamed statements only' => { prepareThreshold => 0 } ],
	[ 'the simple protocol' => { preferQueryMode => 'simple' } ],
	[ 'binary transfer from the first' => { prepareThreshold => -1 } ])
{
	my ($what, $properties) = @$how;
	($saw, $asked) = step('prepared', 14, %$properties);
	is_deeply([ wrong_days($saw->{runs}, @june) ], [], "$what: 14 days, each its rows");
	is($asked, 14, 'and a request');
	note("custom $saw->{custom}, generic $saw->{generic}");
	cmp_ok($saw->{generic}, '>=', 13, 'by a generic plan') if $what =~ /generic/;
}

# ---- values, metadata, errors ------------------------------------------------------------

my %ids = map { $_->[0] => 1 } @june;
my @three = (sort keys %ids)[ 0 .. 2 ];
($saw, $asked) = step('values', join(',', @three));
is_deeply($saw->{types}, [ 'java.lang.Long', 'java.sql.Date', 'java.math.BigDecimal' ], 'types');
same_rows($saw->{rows}, [ grep { my $r = $_; $r->[2] > 0.5 && grep { $r->[0] eq $_ } @three } @june ],
	'an array, days, a decimal and LIMIT as parameters');

($saw, $asked) = step('metadata');
is_deeply($saw->{tables},
	[ map { "$_ FOREIGN TABLE" } qw(ads_reports_daily campaigns creative_assets_videos) ],
	'the tables that a tool lists');
is_deeply($saw->{columns}, [ split /\n/, $node->safe_psql('postgres', q{
	SELECT attname || ' ' || typname FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
	WHERE attrelid = 'ads.ads_reports_daily'::regclass AND attnum > 0 ORDER BY attnum}) ], 'and their columns');
is($asked, 0, 'nothing was asked');

api_settings(latency => 30_000);
($saw, $asked) = step('errors');
api_settings(latency => 0);
like($saw->{error}, qr/^HV00L .*Hint: Add a condition such as WHERE stat_time_day >= /s, 'no day: what to type');
is($saw->{slow}, '57014', 'setQueryTimeout');
is($saw->{usable}, 1, 'and the session goes on');
is_deeply(api_violations(), [], 'all asked as documented');
done_testing();
