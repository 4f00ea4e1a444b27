
# The recipes of doc/periods.md run, give rows, and take the requests that they say;
# the reach that they tell is not the sum of the days'.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $text = slurp_file("$FindBin::Bin/../../doc/periods.md");
my @blocks = $text =~ /^```sql\n(.*?)^```$/msg;

api_start();
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, -import => ['campaigns_reports_daily']);
my ($import, @recipes) = @blocks;
$node->safe_psql('postgres', $import);
cmp_ok(scalar @recipes, '>=', 6, 'there are recipes');

foreach my $recipe (@recipes)
{
	my ($requests, $what) = $recipe =~ /^-- (\d+) requests?\n(.*)/;
	api_reset();
	my ($rc, $out, $err) = $node->psql('postgres', $recipe);
	is("$rc $err", '0 ', "runs: $what");
	isnt($out, '', 'gives rows');
	is(scalar @{ api_log() }, $requests, "takes $requests requests");
}

# the weeks' reach, and the sum of their days'
my $days = $node->safe_psql('postgres', <<SQL);
SELECT count(*) > 10 AND bool_and(w.reach <= d.reach AND w.impressions = d.impressions)
	AND sum(w.reach) < sum(d.reach)
FROM ads.campaigns_reports_weekly w
JOIN (SELECT campaign_id, date_trunc('week', stat_time_day)::date AS week, sum(reach) AS reach,
		sum(impressions) AS impressions
	FROM ads.campaigns_reports_daily
	WHERE advertiser_id = 7002238017842757633 AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-28'
	GROUP BY 1, 2) d ON d.campaign_id = w.campaign_id AND d.week = w.stat_time_week
WHERE w.advertiser_id = 7002238017842757633 AND stat_time_week BETWEEN '2026-06-01' AND '2026-06-22'
SQL
is($days, 't', 'people of a week are fewer than those of its days, impressions are as many');
is_deeply(api_violations(), [], 'asked as documented');

$node->stop;
done_testing();
