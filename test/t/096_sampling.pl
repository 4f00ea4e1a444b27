# Tools that look into a table before anybody has asked for a day: SELECT * FROM
# table LIMIT 200.  Without start_date an error that can be followed; with it,
# rows from one small request.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use POSIX qw(strftime);
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'it is almost midnight in UTC' if strftime('%H:%M', gmtime) =~ /^23:5/;

# the days are those of the server, so that there is a today
sub day { return strftime('%Y-%m-%d', gmtime(time + 86400 * $_[0])) }

my $account = '7002238017842757633';
api_start('--today', day(0));
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, advertiser_ids => $account,
	-import_options => { streams => 'all' });

# ---- no first day: what to type ------------------------------------------------

my @timed = split /\n/, $node->safe_psql('postgres', q{
	SELECT name FROM tiktok.streams
	WHERE key_columns && '{stat_time_day,stat_time_hour,stat_time_week,stat_time_month}'
	AND imported_by <> 'named' AND required_conditions = '{}' ORDER BY 1});
cmp_ok(scalar(@timed), '>', 25, 'there are reports by day, hour, week and month');
my (@silent, @wrong);
foreach my $table (@timed)
{
	my ($rc, $out, $err) = $node->psql('postgres', "SELECT * FROM ads.$table LIMIT 200",
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	my ($where) = $err =~ /HINT:  Add a condition such as (WHERE [^,]*), or set the option start_date/;

	push @silent, $table unless $err =~ /HV00L/ && $where;
	next unless $where;
	api_reset();
	($rc, $out, $err) = $node->psql('postgres', "SELECT * FROM ads.$table $where LIMIT 200");
	push @wrong, "$table: $err" unless $rc == 0 && $out ne '';
}
is_deeply(\@silent, [], 'each asks for a first day, and says how to give one');
is_deeply(\@wrong, [], 'which works as it stands');
is_deeply(api_violations(), [], 'as documented');
api_reset();
$node->psql('postgres', "SELECT * FROM ads.$_ LIMIT 200") foreach @timed;
is(scalar(@{ api_log() }), 0, 'nothing was asked without one');

# ---- with one: a small request ---------------------------------------------------

$node->safe_psql('postgres',
	sprintf("ALTER SERVER tiktok OPTIONS (ADD start_date '%s')", day(-300)));

# rows, and what was asked: days and page size of each request, in their order
sub sample
{
	my ($sql) = @_;

	api_reset();
	my @rows = split /\n/, $node->safe_psql('postgres', "SELECT count(t) FROM ($sql) AS t");
	my @asked = map {
		my $p = $_->{params};
		join ' ', map { $_ // '-' } @$p{qw(start_date end_date page page_size)}
	} grep { $_->{path} =~ /report/ } @{ api_log() };

	return ($rows[0], @asked);
}

# 30 days, up to the day past today that some account may have begun
my $month = day(-28) . ' ' . day(1);
foreach my $table (qw(ads_audience_reports_daily ads_audience_reports_by_country_daily))
{
	is_deeply([ sample("SELECT * FROM ads.$table LIMIT 200") ], [ 200, "$month 1 200" ],
		"$table: one request of 200 rows");
}
is_deeply([ sample('SELECT * FROM ads.campaigns_reports_daily LIMIT 100') ], [ 100, "$month 1 100" ],
	'campaigns_reports_daily: of 100');
# more than 100 metrics: no request may ask for more than 100
is_deeply([ sample('SELECT * FROM ads.ads_reports_daily LIMIT 200') ],
	[ 200, ("$month 1 200") x 2 ], 'a table of more than 100 metrics: its two halves');
is_deeply([ sample('SELECT spend FROM ads.ads_reports_daily LIMIT 200') ],
	[ 200, "$month 1 200" ], 'some of its columns: one');
is_deeply([ sample('SELECT * FROM ads.campaigns_reports_daily LIMIT 20 OFFSET 30') ],
	[ 20, "$month 1 50" ], 'a page that a user turns to');

# by the hour: today, which has rows from its first hour on; nothing is there of tomorrow
my ($n, @asked) = sample('SELECT * FROM ads.campaigns_reports_hourly LIMIT 5');
is($n, 5, 'rows by the hour');
is($asked[0], sprintf('%s %s 1 5', day(0), day(0)), 'from the day that goes on');
cmp_ok(scalar(@asked), '<=', 2, 'or yesterday, as it begins');

# no more than there is: everything is looked through, each window once
($n, @asked) = sample(
	'SELECT * FROM ads.advertisers_reports_daily LIMIT 100000');
is($n, $node->safe_psql('postgres', 'SELECT count(stat_time_day) FROM ads.advertisers_reports_daily'),
	'more than there are: all of them');
is(scalar(@asked), 11, '302 days, a request for 30');

# several accounts: those that are not needed are not asked
$node->safe_psql('postgres', 'ALTER SERVER tiktok OPTIONS (DROP advertiser_ids)');
($n, @asked) = sample('SELECT * FROM ads.campaigns_reports_daily LIMIT 100');
is_deeply([ $n, @asked ], [ 100, "$month 1 100" ], 'of all accounts of the token, too');
is(scalar(@{ api_log() }), 2, 'and the list of them');
is_deeply(api_violations(), [], 'as documented');
done_testing();
