
# The queries of examples/grafana/dashboard.json as Grafana sends them: they run as a role
# that may only read, the range of time narrows what is asked, and the numbers are the API's.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use POSIX qw(strftime);
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'the day is about to end' if strftime('%H%M', gmtime) >= 2350;

my $examples = "$FindBin::Bin/../../examples/grafana";
my $dashboard = JSON::PP->new->utf8->decode(slurp_file("$examples/dashboard.json"));

api_start('--today', strftime('%Y-%m-%d', gmtime));
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000);
$node->command_ok(['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres', '-f', "$examples/tables.sql"],
	'tables.sql runs') foreach 1 .. 2;

# the role that the end of tables.sql tells of
my ($role) = slurp_file("$examples/tables.sql") =~ /^(-- CREATE ROLE .*)/ms;
$node->safe_psql('postgres', $role =~ s/^-- //mgr);
my @accounts = split /\n/, $node->safe_psql('postgres', 'SELECT advertiser_id FROM mart.advertisers ORDER BY 1');

# A query of the dashboard over a range of days, as Grafana's PostgreSQL source expands it.
sub expanded
{
	my ($sql, $from, $to, @only) = @_;
	my $ids = join ',', map { sql_literal($_) } @only ? @only : @accounts;

	$sql =~ s/\$__timeFilter\(([^)]*)\)/$1 BETWEEN '${from}T00:00:00Z' AND '${to}T23:59:59Z'/g;
	$sql =~ s/\$\{account\}/$ids/g;
	return $sql;
}

sub asked_by_grafana
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', 'grafana' ]);
}

sub day
{
	my ($ago) = @_;
	return $node->safe_psql('postgres', "SELECT (now() AT TIME ZONE 'UTC')::date - $ago");
}

my %query = map { ($_->{title} => $_->{targets}[0]{rawSql}) } @{ $dashboard->{panels} };
my ($variable) = grep { $_->{name} eq 'account' } @{ $dashboard->{templating}{list} };
cmp_ok(scalar keys %query, '>=', 8, 'the dashboard has panels');
is(asked_by_grafana("SELECT count(__text) = count(*) AND count(*) = count(DISTINCT __value) FROM ($variable->{query}) AS v"),
	't', 'its choice of accounts');
unlike($_, qr/\$(?!__timeFilter\(|\{account\})/, 'no macro that this test does not know') foreach values %query;

# settled days: every panel answers, and TikTok is not asked
my ($from, $to) = (day(80), day(20));
api_reset();
isnt(asked_by_grafana(expanded($query{$_}, $from, $to)), '', "$_ has rows") foreach sort keys %query;
is(scalar @{ api_log() }, 0, 'of settled days, nothing is asked');

my ($panel, $source) = ('Spend', <<SQL);
SELECT a.currency, sum(r.spend) FROM ads.advertisers_reports_daily AS r JOIN ads.advertisers AS a USING (advertiser_id)
WHERE stat_time_day BETWEEN '%s' AND '%s' GROUP BY 1 ORDER BY 1
SQL
is(asked_by_grafana(expanded($query{$panel}, $from, $to)), $node->safe_psql('postgres', sprintf $source, $from, $to),
	'what they cost is what the API says');

# the last month: one window an account, and only of the accounts chosen
($from, $to) = (day(29), day(0));
api_reset();
my $rows = asked_by_grafana(expanded($query{$panel}, $from, $to));
is(scalar @{ api_log() }, scalar @accounts, 'the last month is a request for each account');
is($rows, $node->safe_psql('postgres', sprintf $source, $from, $to), 'with the same sums');
api_reset();
asked_by_grafana(expanded($query{'ROAS a day'}, $from, $to, $accounts[0]));
is(join(' ', map { $_->{advertiser_id} } @{ api_log() }), $accounts[0], 'one account is asked for alone');

is(asked_by_grafana(expanded($query{'People reached, by week'}, $from, $to)), $node->safe_psql('postgres', <<SQL), 'reach is the week\'s');
SELECT w.stat_time_week::timestamp, a.name, w.reach
FROM ads.advertisers_reports_weekly AS w JOIN ads.advertisers AS a USING (advertiser_id)
WHERE w.stat_time_week BETWEEN '$from' AND '$to' ORDER BY 1, 2
SQL
is(asked_by_grafana(expanded($query{'Best ads'}, $from, $to)) =~ s/^[^|]*\|//mgr, $node->safe_psql('postgres', <<SQL), 'the best ads');
SELECT a.currency, sum(r.spend), sum(r.total_purchase_value), round(sum(r.total_purchase_value) / nullif(sum(r.spend), 0), 2)
FROM ads.ads_reports_daily AS r JOIN ads.advertisers AS a USING (advertiser_id)
WHERE r.stat_time_day BETWEEN '$from' AND '$to'
GROUP BY r.advertiser_id, r.ad_id, a.currency ORDER BY 3 DESC NULLS LAST, r.advertiser_id, r.ad_id LIMIT 20
SQL

# the role cannot do more
my ($rc, undef, $err) = $node->psql('postgres', 'SELECT * FROM ads.advertisers', extra_params => [ '-U', 'grafana' ]);
isnt($rc, 0, 'the role reads nothing but what it was granted');

is_deeply(api_violations(), [], 'asked as documented');
$node->stop;
done_testing();
