# Reports that sources disagree about, of an API that has them: their rows are those that
# test/api/expected.py computes, in several windows, and a snapshot of each. Of one that refuses
# them, see 024_metrics.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $api = api_start('--doubted');
my $node = new_node('main');
my @streams = qw(ads_reports_by_country_hourly ad_groups_reports_by_country_hourly
  ads_audience_reports_by_interest_category_daily campaigns_audience_reports_by_interest_category_daily);
setup_fdw($node, rate_limit => 1000, page_size => 200, -import => \@streams);
my @accounts = qw(7002238017842757633 7030219640413208578);
my $accounts = join(', ', @accounts);

sub ask { return $node->safe_psql('postgres', $_[0]); }

is(ask("SELECT string_agg(name, ' ' ORDER BY name) FROM tiktok.streams WHERE note LIKE 'In doubt%' AND imported_by = 'named'"),
	join(' ', sort @streams), 'all that are in doubt, and imported only by name');
foreach my $stream (@streams)
{
	my ($time, $from, $to) = $stream =~ /hourly$/ ? ('stat_time_hour', '2026-06-20', '2026-06-21')
	  : ('stat_time_day', '2026-05-10', '2026-06-21');
	my $columns = ask("SELECT string_agg(name || ':' || type || coalesce(':' || path, ''), ',' ORDER BY ordinal) FROM tiktok.stream_columns WHERE stream = '$stream'");
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$stream.csv";
	my $where = "advertiser_id IN ($accounts) AND $time >= '$from' AND $time < date '$to' + 1";

	system_or_bail('sh', '-c', 'exec "$0" "$@" >"' . $file . '"', $ENV{PYTHON} // 'python3',
		"$FindBin::Bin/../api/expected.py", '--stream', $stream, '--columns', $columns, '--today', $TODAY,
		'--scale', 'small', '--accounts', join(',', @accounts), '--from', $from, '--to', $to);
	ask("CREATE TABLE e_$stream (LIKE ads.$stream)");
	$node->safe_psql('postgres', "\\copy e_$stream FROM '$file' CSV HEADER");
	api_reset();
	my ($rows, $missing, $extra) = split /\|/, ask(<<SQL);
CREATE TEMP TABLE g AS SELECT * FROM ads.$stream WHERE $where;
SELECT (SELECT count(*) FROM e_$stream),
	(SELECT count(*) FROM (SELECT e::text FROM e_$stream e EXCEPT ALL SELECT g::text FROM g) x),
	(SELECT count(*) FROM (SELECT g::text FROM g EXCEPT ALL SELECT e::text FROM e_$stream e) x)
SQL
	cmp_ok($rows, '>', 200, "$stream has rows of several pages");
	is("$missing missing, $extra extra", '0 missing, 0 extra', "$stream: as computed");
	cmp_ok(scalar(@{ api_log() }), '>=', 4, "$stream: a request for each account and window at least");
	is_deeply(api_violations(), [], "$stream: asked as documented");
	ask("ALTER FOREIGN TABLE ads.$stream OPTIONS (ADD advertiser_ids '" . join(',', @accounts) . "')");
	is(ask("SELECT sum(inserted) FROM tiktok.materialize('ads.$stream', 'public.kept_$stream', since => '$from') WHERE inserted >= $rows"),
		ask("SELECT count(*) FROM ads.$stream WHERE $time >= '$from'"), "$stream: a snapshot");
}

done_testing();
